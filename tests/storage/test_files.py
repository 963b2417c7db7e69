"""Artifacts, uploads, logs and the room they take."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest
from sqlalchemy import text

from storage.artifacts import ArtifactStore
from storage.database import Database
from storage.errors import LowDisk, NotStored, UnsafeName
from storage.home import Home
from storage.logs import open_log, rotate, rotated, tail
from storage.uploads import UploadStore

LONG_AGO = time.time() - 3 * 24 * 3600


def age(*paths: Path) -> None:
    for path in paths:
        os.utime(path, (LONG_AGO, LONG_AGO))


def publish(store: ArtifactStore, job: str, content: str) -> None:
    with store.stage(job) as folder:
        (folder / "deep").mkdir()
        (folder / "deep" / "prompt.txt").write_text(content)


def test_an_artifact_appears_whole_when_its_stage_ends_and_not_before(tmp_path: Path) -> None:
    store = ArtifactStore(tmp_path)
    with store.stage("run1") as folder:
        (folder / "prompt.txt").write_text("x")
        with pytest.raises(NotStored, match="'run1' has no exported prompt yet"):
            store.path("run1")
    assert (store.path("run1") / "prompt.txt").read_text() == "x"


def test_a_stage_that_breaks_off_leaves_what_was_published_before(tmp_path: Path) -> None:
    store = ArtifactStore(tmp_path)
    publish(store, "run1", "old")
    with pytest.raises(OSError, match="full"), store.stage("run1") as folder:
        (folder / "half").write_text("x")
        raise OSError("full")
    assert [path.name for path in store.path("run1").iterdir()] == ["deep"]
    assert [path.name for path in tmp_path.iterdir()] == ["run1.1"]


def test_a_run_that_ends_again_publishes_anew_while_the_old_one_can_still_be_read(tmp_path: Path) -> None:
    store = ArtifactStore(tmp_path)
    for number in range(11):
        publish(store, "run1", str(number))
    assert (store.path("run1") / "deep" / "prompt.txt").read_text() == "10"
    age(*tmp_path.iterdir())
    assert store.sweep(frozenset({"run1"})) == 10
    assert (store.path("run1") / "deep" / "prompt.txt").read_text() == "10"
    assert store.sweep(frozenset()) == 1 and list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["..", "../x", "a/b", "/etc", "", ".hidden", "a\0b", "x" * 200, "a.b", "é"])
def test_no_name_leads_out_of_a_root(tmp_path: Path, name: str) -> None:
    store, home = ArtifactStore(tmp_path / "artifacts"), Home(tmp_path)
    for call in (store.path, store.remove, home.log, home.checkpoints, home.forget):
        with pytest.raises(UnsafeName):
            call(name)
    with pytest.raises(UnsafeName), store.stage(name):
        raise AssertionError("a folder was made")


def test_a_link_in_an_artifact_is_not_published(tmp_path: Path) -> None:
    store = ArtifactStore(tmp_path)
    with pytest.raises(UnsafeName, match="is a link"), store.stage("run1") as folder:
        (folder / "secret").symlink_to("/etc/passwd")
    with pytest.raises(NotStored):
        store.path("run1")


def test_the_same_file_twice_is_stored_once_under_its_newer_name(database: Database, tmp_path: Path) -> None:
    store = UploadStore(database, tmp_path / "uploads")
    for name in ("a.csv", "b.csv"):
        (tmp_path / name).write_text("text,label\n")
    first, second = (store.add(tmp_path / name, name, 0, ["text", "label"]) for name in ("a.csv", "b.csv"))
    assert first.reference == second.reference and first.bytes == 11
    assert [upload.name for upload in store.list()] == ["b.csv"]
    assert len(list((tmp_path / "uploads").iterdir())) == 1
    assert store.path(first.reference).read_text() == "text,label\n" and store.get(first.reference).name == "b.csv"


def test_an_upload_keeps_no_folder_and_no_control_character_of_its_name(database: Database, tmp_path: Path) -> None:
    store = UploadStore(database, tmp_path / "uploads")
    (tmp_path / "x").write_text("x")
    names = [
        store.add(tmp_path / "x", name, 0, ["x"]).name
        for name in ("../../etc/passwd", "C:\\data\\réviews.csv", "\n", "")
    ]
    assert names == ["passwd", "réviews.csv", "data", "data"]


@pytest.mark.parametrize(
    "reference", ["upload:../studio.db", "upload:", "sample:x", "upload:" + "g" * 64, "upload:" + "0" * 64]
)
def test_a_reference_that_names_no_upload_is_one_sentence(database: Database, tmp_path: Path, reference: str) -> None:
    store = UploadStore(database, tmp_path / "uploads")
    for call in (store.path, store.get):
        with pytest.raises(NotStored, match="There is no uploaded file"):
            call(reference)


def test_a_file_that_is_not_on_the_list_of_uploads_is_removed_when_it_is_a_day_old(
    database: Database, tmp_path: Path
) -> None:
    store = UploadStore(database, tmp_path / "uploads")
    (tmp_path / "listed").write_text("x")
    listed = store.add(tmp_path / "listed", "listed", 0, ["x"])
    strays = [store.root / ".staged-1", store.root / ("0" * 64)]
    for stray in strays:
        stray.write_text("x")
    assert store.sweep() == 0, "somebody might be adding it"
    age(*store.root.iterdir())
    assert store.sweep() == 2
    assert [path.name for path in store.root.iterdir()] == [store.path(listed.reference).name]


def test_the_table_of_an_upload_lies_beside_it_for_each_ending_and_is_swept_with_it(
    database: Database, tmp_path: Path
) -> None:
    store = UploadStore(database, tmp_path / "uploads")
    (tmp_path / "x").write_text("text,label\na,b\n")
    reference = store.add(tmp_path / "x", "x.csv", 1, ["text", "label"]).reference
    for name in ("x.csv", "X.tsv"):
        with store.staged() as staged:
            staged.write_text(name)
            store.add_table(reference, name, staged)
    with pytest.raises(RuntimeError), store.staged() as staged:
        staged.write_text("half a table")
        raise RuntimeError
    assert [store.table(reference, name).read_text() for name in ("y.CSV", "y.tsv")] == ["x.csv", "X.tsv"]
    assert store.table(reference, "../../x/y.json").parent == store.root and len(list(store.root.iterdir())) == 3
    with pytest.raises(NotStored, match="There is no uploaded file"), store.staged() as staged:
        staged.write_text("of no upload")
        store.add_table("upload:" + "0" * 64, "x.csv", staged)
    stray = store.root / ("0" * 64 + ".csv.parquet")
    stray.write_text("of no upload")
    age(*store.root.iterdir())
    assert store.sweep() == 1 and len(list(store.root.iterdir())) == 3


def test_an_upload_has_the_shape_of_its_table_and_one_of_an_earlier_version_gets_it_later(
    database: Database, tmp_path: Path
) -> None:
    store = UploadStore(database, tmp_path / "uploads")
    (tmp_path / "x").write_text("text,label\na,b\n")
    added = store.add(tmp_path / "x", "x", 1, ["text", "label"])
    assert (added.rows, added.columns) == (1, ("text", "label"))
    with database.write() as session:
        session.execute(text("UPDATE uploads SET rows = NULL, columns = NULL"))
    earlier = store.get(added.reference)
    assert (earlier.rows, earlier.columns) == (None, None)
    assert store.describe(added.reference, 1, ("text", "label")) == added
    assert store.list() == [added]
    with pytest.raises(NotStored, match="There is no uploaded file"):
        store.describe("upload:" + "0" * 64, 1, ("text",))


def test_the_end_of_a_log_is_read_across_its_rotation_at_a_cost_that_does_not_grow(tmp_path: Path) -> None:
    path = tmp_path / "run.log"
    descriptor = open_log(path)
    for number in range(200):
        os.write(descriptor, f"line {number} {'é' * 20}\n".encode())
        rotate(path, (descriptor,), cap_bytes=2000)
    os.close(descriptor)
    assert path.stat().st_size <= 2100 and rotated(path).stat().st_size <= 2100
    assert sorted(file.name for file in tmp_path.iterdir()) == ["run.log", "run.log.1"]
    assert [line.split()[1] for line in tail(path, 50).splitlines()] == [str(number) for number in range(150, 200)]
    assert tail(tmp_path / "none.log") == ""
    with path.open("wb") as file:
        file.truncate(3_000_000_000)
        file.seek(0, os.SEEK_END)
        file.write(b"\nthe end\n")
    began = time.monotonic()
    assert tail(path, 1) == "the end"
    assert time.monotonic() - began < 0.5


def test_disk_use_is_told_by_part_and_too_little_space_is_a_sentence(tmp_path: Path) -> None:
    home = Home(tmp_path)
    publish(ArtifactStore(home.artifacts), "run1", "x" * 1000)
    (tmp_path / "studio.db").write_bytes(b"x" * 10)
    use = home.use()
    assert use.parts == {"artifacts": 1000, "database": 10} and use.total == 1010 and use.free > 0
    home.check_space(1)
    with pytest.raises(LowDisk, match=r"Only [0-9.]+ GB are free .* wants at least 1000000000\.00 GB"):
        home.check_space(10**18)
