"""The engine (SQLite by default, PostgreSQL by URL) and the two ways to use it: read and write."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, DatabaseError, InterfaceError, NoSuchModuleError, OperationalError
from sqlalchemy.orm import Session

from storage.errors import DatabaseUnavailable, StorageError, first_line
from storage.migrate import migrate

_log = logging.getLogger(__name__)
BUSY_SECONDS = 30.0
"""How long a writer waits for another one: longer than any transaction here and than a slow backup."""


class Database:
    """A database whose tables have the current schema."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self._writing = engine.execution_options(writes=True)

    @property
    def dialect(self) -> str:
        """ "sqlite" or "postgresql"."""
        return self.engine.dialect.name

    @contextmanager
    def read(self) -> Iterator[Session]:
        """Opens a consistent view; on SQLite (WAL) it neither waits for a writer nor blocks one."""
        with self._answering(), Session(self.engine, expire_on_commit=False) as session:
            yield session

    @contextmanager
    def write(self) -> Iterator[Session]:
        """Opens a transaction: all of it is recorded, or nothing. Raises DatabaseUnavailable."""
        with self._answering(), Session(self._writing, expire_on_commit=False) as session, session.begin():
            yield session

    @contextmanager
    def _answering(self) -> Iterator[None]:
        """Wraps `_translated` and removes details: errors of PostgreSQL's driver contain the server's address, and
        visitors read them."""
        try:
            with _translated():
                yield
        except DatabaseUnavailable as error:
            if self.dialect == "sqlite":
                raise
            _log.warning("%s", error)
            raise DatabaseUnavailable("The database does not answer now: try again in a moment.") from None

    def close(self) -> None:
        """Closes the connections."""
        self.engine.dispose()


def open_database(url: str, backups: Path | None = None, busy_seconds: float = BUSY_SECONDS) -> Database:
    """Opens or creates the database and migrates it to the current schema; safe in several processes at once.

    A database that has to be migrated is first copied into `backups` (default: beside the SQLite file). busy_seconds:
    how long a writer waits for another one on SQLite. Raises DatabaseTooNew, DatabaseUnavailable, or StorageError for
    an invalid URL.
    """
    try:
        address = make_url(url)
        if address.drivername == "postgres" or address.drivername == "postgresql":
            address = address.set(drivername="postgresql+psycopg")
        if address.get_backend_name() not in ("sqlite", "postgresql"):
            raise StorageError(f"The database must be SQLite or PostgreSQL, not {address.get_backend_name()!r}.")
        if address.get_backend_name() == "sqlite":
            if not address.database or address.database == ":memory:":
                raise StorageError("The SQLite database must be a file, as in sqlite:////home/me/studio.db.")
            Path(address.database).parent.mkdir(parents=True, exist_ok=True)
        connect_args: dict[str, Any] = {"timeout": busy_seconds} if address.get_backend_name() == "sqlite" else {}
        engine = create_engine(address, connect_args=connect_args, pool_pre_ping=address.get_backend_name() != "sqlite")
    except (ArgumentError, NoSuchModuleError, ModuleNotFoundError, ValueError) as error:
        raise StorageError(f"The database URL cannot be used: {_reason(error)}.") from None
    with _translated():
        if engine.dialect.name == "sqlite":
            _prepare_sqlite(engine, busy_seconds)
        migrate(engine, backups)
    return Database(engine)


def utc_now() -> datetime:
    """Returns the time by the system clock. It is only shown to people; no decision depends on it."""
    return datetime.now(UTC)


def _prepare_sqlite(engine: Engine, busy_seconds: float) -> None:
    @event.listens_for(engine, "connect")
    def _settings(connection: Any, _record: object) -> None:
        connection.isolation_level = None  # the driver begins no transaction by itself: `_begin` does
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute("PRAGMA synchronous = NORMAL")
        connection.create_function("lower", 1, _lower, deterministic=True)  # SQLite's own knows only ASCII

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        # A writer takes its lock at once: one that starts as a reader cannot wait for it, only fail.
        writes = connection.get_execution_options().get("writes", False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    deadline = time.monotonic() + busy_seconds
    while True:  # the change to WAL fails at once, without waiting, while another process makes it
        raw = None
        try:
            raw = engine.raw_connection()
            raw.cursor().execute("PRAGMA journal_mode = WAL")
            return
        except Exception as error:
            if "locked" not in str(error) or time.monotonic() > deadline:
                raise DatabaseUnavailable(f"The database cannot be opened: {_reason(error)}.") from error
            time.sleep(0.05)
        finally:
            if raw is not None:
                raw.close()


def _lower(value: object) -> object:
    return value.lower() if isinstance(value, str) else value


@contextmanager
def _translated() -> Iterator[None]:
    """Raises DatabaseUnavailable in place of the driver's errors about connections and locks."""
    try:
        yield
    except (OperationalError, InterfaceError) as error:
        raise DatabaseUnavailable(f"The database did not answer: {_reason(error.orig or error)}.") from error
    except DatabaseError as error:
        if type(error) is not DatabaseError:  # a constraint, say, which the caller knows about
            raise
        raise DatabaseUnavailable(
            f"The database cannot be read ({_reason(error.orig or error)}): put a backup in its place."
        ) from error


def _reason(error: BaseException) -> str:
    return first_line(error).rstrip(".") or type(error).__name__
