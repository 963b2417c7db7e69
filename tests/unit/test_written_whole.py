"""Files and folders that appear whole or not at all."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from lamp.files import written_whole


def test_a_file_replaces_the_earlier_one_and_nothing_is_left_beside_it(tmp_path: Path) -> None:
    target = tmp_path / "new" / "file"
    for text in ("first", "second"):
        with written_whole(target) as staged:
            staged.write_text(text)
            assert staged.parent == target.parent
        assert target.read_text() == text
    assert [path.name for path in target.parent.iterdir()] == ["file"]


def test_a_folder_appears_with_all_that_is_in_it(tmp_path: Path) -> None:
    target = tmp_path / "folder"
    with written_whole(target) as staged:
        (staged / "inner").mkdir(parents=True)
        (staged / "inner" / "file").write_text("content")
        assert not target.exists()
    assert (target / "inner" / "file").read_text() == "content"
    assert [path.name for path in tmp_path.iterdir()] == ["folder"]


def test_everything_is_flushed_to_disk_before_it_appears_and_its_entry_afterwards(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = tmp_path / "folder"
    flushed: list[tuple[int, bool]] = []
    fsync = os.fsync

    def record(descriptor: int) -> None:
        flushed.append((os.fstat(descriptor).st_ino, target.exists()))
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", record)
    with written_whole(target) as staged:
        staged.mkdir()
        (staged / "file").write_text("content")
    file, folder, parent = (path.stat().st_ino for path in (target / "file", target, tmp_path))
    assert flushed == [(file, False), (folder, False), (parent, True)]


@pytest.mark.parametrize("error", [OSError("No space left on device"), KeyboardInterrupt()])
def test_after_an_error_the_earlier_file_is_there_and_nothing_else(tmp_path: Path, error: BaseException) -> None:
    target = tmp_path / "file"
    target.write_text("earlier")
    with pytest.raises(type(error)), written_whole(target) as staged:
        staged.write_text("half")
        raise error
    assert target.read_text() == "earlier"
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_a_folder_that_holds_something_is_not_replaced(tmp_path: Path) -> None:
    target = tmp_path / "folder"
    target.mkdir()
    (target / "letter").write_text("dear")
    with pytest.raises(OSError), written_whole(target) as staged:
        staged.mkdir()
    assert (target / "letter").read_text() == "dear"
    assert [path.name for path in tmp_path.iterdir()] == ["folder"]
