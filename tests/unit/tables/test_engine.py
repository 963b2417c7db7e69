"""DuckDB sees one file and one folder, and neither the network nor the variables of the program."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest

from lamp.data.tables.checks import TableError
from lamp.data.tables.engine import engine, literal


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path, Path]:
    """A source, a working folder, and a file that is neither."""
    source, folder, other = tmp_path / "it's [a] *.csv", tmp_path / "work", tmp_path / "other.csv"
    folder.mkdir()
    for file in (source, other):
        file.write_text("a,b\nc,d\n")
    return source, folder, other


def test_the_source_and_the_folder_can_be_read_and_only_the_folder_written(files: tuple[Path, Path, Path]) -> None:
    source, folder, other = files
    with engine(source, folder) as connection:
        query = "SELECT count(*) FROM read_csv({}, header = false)"
        assert connection.execute(query.format(literal(source))).fetchall() == [(2,)]
        for forbidden in (other, Path("/etc/passwd"), folder / ".." / "other.csv"):
            with pytest.raises(duckdb.PermissionException):
                connection.execute(query.format(literal(forbidden)))
        connection.execute(f"COPY (SELECT 1) TO {literal(folder / 'made.csv')}")
        with pytest.raises(duckdb.PermissionException):
            connection.execute(f"COPY (SELECT 1) TO {literal(other.with_name('made.csv'))}")
    assert (folder / "made.csv").is_file() and not other.with_name("made.csv").exists()


@pytest.mark.parametrize(
    "statement",
    ["SET enable_external_access = true", "SET memory_limit = '9GB'", "INSTALL httpfs", "LOAD httpfs", "FROM rows"],
)
def test_nothing_opens_it_again(files: tuple[Path, Path, Path], statement: str) -> None:
    rows = [1]
    source, folder, _ = files
    with engine(source, folder) as connection, pytest.raises(duckdb.Error):
        connection.execute(statement).fetchall()
    assert rows == [1]


def test_too_much_memory_is_one_sentence(files: tuple[Path, Path, Path]) -> None:
    source, folder, _ = files
    with pytest.raises(TableError, match="needs too much memory"), engine(source, folder) as connection:
        connection.execute("SELECT list(repeat('x', 1000000) || i) FROM range(2000) t(i)").fetchall()
