"""Migrates a database to the current schema, one process at a time, after copying it."""

from __future__ import annotations

import logging
import os
import shutil
import sqlite3
import subprocess
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import URL, Connection, Engine, text

from storage.errors import DatabaseTooNew, StorageError, first_line

_log = logging.getLogger(__name__)
_LOCK = 0x1A3B  # an arbitrary key that no other lock in the database uses


def migrate(engine: Engine, backups: Path | None, target: str = "head") -> None:
    """Runs the missing migrations up to `target` in one transaction. Raises DatabaseTooNew."""
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    scripts = ScriptDirectory.from_config(config)
    wanted = scripts.as_revision_number(target)
    with engine.connect() as connection:  # usually there is nothing to do, and no lock is needed
        if MigrationContext.configure(connection).get_current_revision() == wanted:
            return
    with engine.execution_options(writes=True).begin() as connection:
        if engine.dialect.name == "postgresql":  # SQLite's writer lock is already held
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
        current = MigrationContext.configure(connection).get_current_revision()
        if current == wanted:
            return
        if current is not None:
            if current not in {script.revision for script in scripts.walk_revisions()}:
                raise DatabaseTooNew(
                    f"This database was last used by a newer LAMP Studio (its schema is {current!r}, which this one "
                    f"does not know): update the studio, or choose another STUDIO_HOME or DATABASE_URL."
                )
            _backup(connection, current, backups)
        config.attributes["connection"] = connection
        command.upgrade(config, target)


def _backup(connection: Connection, revision: str, folder: Path | None) -> None:
    """Copies the database into `folder`, for SQLite by default beside it.

    revision: of its schema, for the file name.
    """
    url = connection.engine.url
    stamp = f"{datetime.now(UTC):%Y%m%dT%H%M%S}-schema-{revision}"
    if connection.dialect.name == "sqlite":
        source = Path(str(url.database))
        copy = (folder or source.parent) / f"{source.name}.{stamp}.backup"
        copy.parent.mkdir(parents=True, exist_ok=True)
        # A second connection sees what was committed, while ours keeps writers out.
        with closing(sqlite3.connect(source)) as old, closing(sqlite3.connect(copy)) as new:
            old.backup(new)
        return
    program = shutil.which("pg_dump")
    if folder is None or program is None:
        _log.warning("No copy of the database was made before its migration: pg_dump or a folder for it is missing.")
        return
    folder.mkdir(parents=True, exist_ok=True)
    password = str(url.password or url.query.get("password") or "")
    done = subprocess.run(
        [program, "--format=custom", f"--file={folder / f'studio.{stamp}.dump'}", f"--dbname={_without_password(url)}"],
        env={**os.environ, **({"PGPASSWORD": password} if password else {})},
        check=False,
        capture_output=True,
        text=True,
        errors="replace",
    )
    if done.returncode:
        reason = first_line(StorageError(done.stderr)) or f"status {done.returncode}"
        raise StorageError(
            f"The database was not migrated, because pg_dump could make no copy of it ({reason}): "
            "put that right, or take pg_dump out of the PATH to go on without a copy."
        )


def _without_password(url: URL) -> str:
    """Returns the address without its password, because every user of the machine can see the list of processes."""
    kept = {name: value for name, value in url.query.items() if name != "password"}
    shown = URL.create("postgresql", url.username, None, url.host, url.port, url.database, kept)
    return shown.render_as_string(hide_password=False)
