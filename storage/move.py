"""Copies a studio's database into an empty one: `python -m storage.move FROM_URL TO_URL`."""

from __future__ import annotations

import sys

from sqlalchemy import func, insert, select, text

from storage.database import open_database
from storage.errors import StorageError
from storage.tables import Base, JobRow

_BATCH = 10_000


def move(source_url: str, target_url: str) -> dict[str, int]:
    """Copies all tables in one transaction; returns table → rows copied.

    Raises StorageError, also if the target has runs already.
    """
    source, target = open_database(source_url), open_database(target_url)
    copied: dict[str, int] = {}
    with source.read() as old, target.write() as new:
        if new.scalar(select(func.count()).select_from(JobRow)):
            raise StorageError("The database to copy into has runs already: give an empty one.")
        for table in Base.metadata.sorted_tables:
            copied[table.name] = 0
            for rows in old.execute(select(table).execution_options(yield_per=_BATCH)).partitions():
                new.connection().execute(insert(table), [dict(row._mapping) for row in rows])
                copied[table.name] += len(rows)
            if target.dialect == "postgresql":
                for column in table.primary_key:
                    if column is table.autoincrement_column:  # new rows are numbered after the copied ones
                        new.execute(
                            select(
                                func.setval(
                                    func.pg_get_serial_sequence(table.name, column.name),
                                    select(func.coalesce(func.max(column), 0) + 1).scalar_subquery(),
                                    text("false"),
                                )
                            )
                        )
    source.close()
    target.close()
    return copied


def main(arguments: list[str]) -> int:
    """Runs the command; returns 0 if everything was copied, 1 if nothing was, 2 for a wrong call."""
    if len(arguments) != 2:
        print("Usage: python -m storage.move FROM_URL TO_URL", file=sys.stderr)
        return 2
    try:
        copied = move(*arguments)
    except StorageError as error:
        print(error, file=sys.stderr)
        return 1
    print("Copied " + ", ".join(f"{count} {name}" for name, count in copied.items()) + ".")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
