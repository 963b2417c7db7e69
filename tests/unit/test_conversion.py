"""A table is converted in a process of its own: what goes wrong there is one sentence here."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from app.processes import conversion
from app.processes.conversion import convert_apart
from lamp.data.tables import open_table
from lamp.errors import DataError


def test_a_file_becomes_a_table_that_is_read_from_disk(tmp_path: Path) -> None:
    (tmp_path / "upload").write_text("text,label\nnaïve,b\n", encoding="utf-8")
    convert_apart(tmp_path / "upload", "films.csv", tmp_path / "table")
    assert open_table(tmp_path / "table").rows == [{"text": "naïve", "label": "b"}]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["table", "upload"]


@pytest.mark.parametrize("name", ["naïve.csv", "--help.csv", "a\nb.csv", "\ud83d.csv"])
def test_a_file_that_is_no_table_is_the_readers_own_sentence(tmp_path: Path, name: str) -> None:
    (tmp_path / "upload").write_text("text,label\na\n")
    with pytest.raises(DataError, match="has 1 cells on line 2 where its header has 2") as caught:
        convert_apart(tmp_path / "upload", name, tmp_path / "table")
    assert str(caught.value).startswith(repr(name)) and "\n" not in str(caught.value)
    assert [path.name for path in tmp_path.iterdir()] == ["upload"]


def test_a_large_file_has_more_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def too_slow(*_: object, timeout: float, **__: object) -> None:
        raise subprocess.TimeoutExpired("convert", timeout)

    (tmp_path / "upload").write_text("x" * 100)
    monkeypatch.setattr(conversion, "_BYTES_PER_SECOND", 10)
    monkeypatch.setattr(subprocess, "run", too_slow)
    with pytest.raises(DataError, match="takes more than 310 seconds to read"):
        convert_apart(tmp_path / "upload", "films.csv", tmp_path / "table")


def test_a_process_that_is_stopped_by_its_limits_is_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "upload").write_text("text,label\na,b\n")
    monkeypatch.setattr(conversion, "_SECONDS", 0.001)
    with pytest.raises(DataError, match=r"takes more than 0\.001 seconds to read"):
        convert_apart(tmp_path / "upload", "films.csv", tmp_path / "table")
    monkeypatch.undo()
    monkeypatch.setattr("sys.executable", "false")
    with pytest.raises(DataError, match="needs more than 2 GB of memory to read"):
        convert_apart(tmp_path / "upload", "films.csv", tmp_path / "table")
