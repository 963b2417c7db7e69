"""Tables stay on disk: what they cost in memory does not grow with the file, and hostile files cost little."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pytest
from pyarrow import parquet

import lamp.data.tables.read

_READ = """
import sys
from pathlib import Path
from lamp.data.column_roles import guess_columns
from lamp.data.splits import prepare
from lamp.data.tables import read_table
from lamp.errors import DataError
import duckdb, pyarrow.parquet
def kilobytes(name):
    return int(next(line for line in Path('/proc/self/status').open() if line.startswith(name)).split()[1])
before = kilobytes('VmRSS')
try:
    table = read_table(Path(sys.argv[1]))
    print(len(table.rows), len(prepare(table, guess_columns(table)).train))
except DataError as error:
    print(error)
print((kilobytes('VmHWM') - before) // 1000)
"""


def read_apart(path: Path) -> tuple[str, int]:
    """What a process of its own says of a file, and the megabytes that reading it took."""
    root = Path(lamp.data.tables.read.__file__).parents[3]
    command = [sys.executable, "-c", _READ, str(path)]
    run = subprocess.run(command, capture_output=True, text=True, check=True, env={"PYTHONPATH": str(root)})
    said, megabytes = run.stdout.splitlines()
    return said, int(megabytes)


@pytest.mark.parametrize(
    "name, content, expected",
    [
        ("commas.csv", lambda: b"," * 60_000_000, "has more than 20,000,000 characters on line 1"),
        ("quotes.csv", lambda: b'"' * 60_000_000, "has more than 20,000,000 characters on line 1"),
        ("lines.csv", lambda: b"\n" * 60_000_000, "has more than 10,000,000 lines"),
        ("returns.csv", lambda: b"\r" * 60_000_000, "has more than 10,000,000 lines"),
        ("more commas.csv", lambda: b"text,label\n" + b"," * 60_000_000, "20,000,000 characters on line 2"),
        ("more quotes.csv", lambda: b'text,label\na,"' + b'""' * 30_000_000, "20,000,000 characters on line 2"),
        ("brackets.json", lambda: b"[" * 30_000_000, "has more than 10,000,000 brackets in one piece of JSON"),
    ],
)
def test_a_file_of_nothing_but_one_character_is_refused_in_little_memory(
    tmp_path: Path, name: str, content: Callable[[], bytes], expected: str
) -> None:
    path = tmp_path / name
    path.write_bytes(content())
    said, megabytes = read_apart(path)
    assert expected in said and megabytes < 600


def test_a_table_takes_a_fraction_of_its_size_in_memory(tmp_path: Path) -> None:
    path = tmp_path / "long.csv"
    part = "".join(f"{number} {'many words ' * 270},{'good' if number % 3 else 'bad'}\n" for number in range(1000))
    with path.open("w") as file:
        file.write("text,label\n")
        for _ in range(200):
            file.write(part)
    assert path.stat().st_size > 590_000_000
    # The threads that read take 400 to 500 MB by chance, so that the smaller of two readings counts.
    (said, megabytes), (said_again, megabytes_again) = read_apart(path), read_apart(path)
    assert said == said_again == "200000 199600" and min(megabytes, megabytes_again) < 500


def test_a_small_parquet_file_of_many_long_texts_is_refused_in_little_memory(tmp_path: Path) -> None:
    path = tmp_path / "texts.parquet"
    texts = pa.array(["x" * 1_000_000] * 700)
    parquet.write_table(
        pa.table({"a": texts, "b": ["y"] * 700}), path, use_dictionary=False, compression="zstd", write_statistics=False
    )
    assert path.stat().st_size < 100_000
    said, megabytes = read_apart(path)
    assert "needs too much memory" in said and megabytes < 300
