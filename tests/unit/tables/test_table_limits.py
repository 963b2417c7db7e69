"""Files that are too large are refused before they fill the memory."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

import pyarrow as pa
import pytest

import lamp.data.tables.checks
import lamp.data.tables.read
from lamp.data.tables import read_table
from tests.unit.tables.files import Pack, Write, refusal


def test_a_file_above_the_size_limit_is_refused_before_it_is_read(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    with path.open("wb") as file:
        file.truncate(7_000_000_000)
    began = time.monotonic()
    assert "has 7,000 MB, more than the 6,000 MB that can be read" in refusal(path)
    assert time.monotonic() - began < 1


def test_too_many_rows_or_cells_are_refused(
    write: Write,
    pack: Pack,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    wide = [{"a": "1", "b": "2", "c": "3"}] * 6
    paths = [
        write("a.csv", "a,b,c\n" + "1,2,3\n" * 6),
        write("a.json", json.dumps(wide)),
        pack(pa.Table.from_pylist(wide)),
    ]
    assert [len(read_table(path).rows) for path in paths] == [6, 6, 6]
    monkeypatch.setattr(lamp.data.tables.checks, "MAX_CELLS", 17)
    assert all("has more than 17 cells in its 3 columns" in refusal(path) for path in paths)
    monkeypatch.setattr(lamp.data.tables.checks, "MAX_ROWS", 5)
    assert all("has more than 5 rows" in refusal(path) for path in paths)


def test_more_than_a_thousand_columns_are_refused(write: Write, pack: Pack) -> None:
    names = [f"c{number}" for number in range(1001)]
    row = dict.fromkeys(names, "x")
    growing = "\n".join(json.dumps({name: "x"}) for name in names)
    for path in (
        write("a.csv", ",".join(names) + "\n" + ",".join(names)),
        write("a.json", json.dumps([row])),
        write("a.jsonl", growing),
        pack(pa.Table.from_pylist([row])),
    ):
        assert "has more than 1,000 columns" in refusal(path)


def test_a_parquet_footer_that_announces_too_much_is_refused_before_it_is_unpacked(
    pack: Pack, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lamp.data.tables.checks, "MAX_UNPACKED", 1_000_000_000)
    same = pa.array(["x" * 1_000_000])
    column = pa.chunked_array([same] * 1050)
    path = pack({"a": column, "b": ["y"] * 1050}, use_dictionary=False, compression="zstd")
    assert path.stat().st_size < 20_000_000
    assert "unpacks to more than 1,000 MB" in refusal(path)


def test_a_small_parquet_file_that_repeats_one_long_text_is_refused_in_little_memory(
    tmp_path: Path,
    pack: Pack,
) -> None:
    repeated = pa.DictionaryArray.from_arrays(pa.array([0] * 100_000, pa.int32()), ["x" * 1_000_000])
    path = pack({"a": repeated, "b": ["y"] * 100_000}, compression="zstd", dictionary_pagesize_limit=100_000_000)
    assert path.stat().st_size < 1_000_000
    script = tmp_path / "read.py"
    script.write_text(
        "import re, sys\nfrom pathlib import Path\nfrom lamp.errors import DataError\n"
        "from lamp.data.tables import read_table\n"
        "try:\n    read_table(Path(sys.argv[1]))\n"
        "except DataError as error:\n    print(error)\n"
        "print(re.search(r'VmHWM:\\s+(\\d+)', Path('/proc/self/status').read_text())[1])\n"
    )
    root = Path(lamp.data.tables.read.__file__).parents[3]
    run = subprocess.run(
        [sys.executable, str(script), str(path)],
        capture_output=True,
        text=True,
        check=True,
        env={"PYTHONPATH": str(root)},
    )
    said, kilobytes = run.stdout.splitlines()
    assert "unpacks to more than 6,000 MB" in said and int(kilobytes) < 600_000
