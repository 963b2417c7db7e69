"""DuckDB, shut in: a database in memory that sees one file and one folder, and no network."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from lamp.data.tables.checks import TableError

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

_MEMORY = "600MB"
_THREADS = 2


@contextmanager
def engine(source: Path, folder: Path) -> Iterator[DuckDBPyConnection]:
    """A fresh connection that can read `source`, and read and write in `folder`; extensions cannot be loaded.

    Raises TableError where more memory or disk is needed than is there.
    """
    import duckdb

    settings: dict[str, str | bool | int | float | list[str]] = {
        "memory_limit": _MEMORY,
        "threads": _THREADS,
        "temp_directory": str(folder),
        "autoinstall_known_extensions": False,
        "autoload_known_extensions": False,
        "allow_community_extensions": False,
        "python_enable_replacements": False,
    }
    with duckdb.connect(":memory:", config=settings) as connection:
        connection.execute(f"SET allowed_paths = [{literal(source.resolve())}]")
        connection.execute(f"SET allowed_directories = [{literal(folder.resolve())}]")
        connection.execute("SET TimeZone = 'UTC'")
        connection.execute("SET enable_progress_bar = false")
        connection.execute("SET enable_external_access = false")
        connection.execute("SET lock_configuration = true")
        try:
            yield connection
        except duckdb.OutOfMemoryException:
            raise TableError("needs too much memory: take rows out, or shorten its longest cells.") from None
        except duckdb.IOException:
            raise TableError("cannot be read or stored: is the disk full, or was the file changed meanwhile?") from None


def literal(value: object) -> str:
    """A value as text in SQL, for places that take no parameter."""
    return "'" + str(value).replace("'", "''") + "'"
