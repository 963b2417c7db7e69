"""Uploads are renamed, and removed with all their files unless a run needs them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from storage.database import Database
from storage.errors import NotStored, WrongState
from storage.jobs import Job, JobState, JobStore
from storage.uploads import Upload, UploadStore


@pytest.fixture
def uploads(database: Database, tmp_path: Path) -> UploadStore:
    return UploadStore(database, tmp_path / "uploads")


@pytest.fixture
def upload(uploads: UploadStore, tmp_path: Path) -> Upload:
    """One upload with its table, and another one beside it."""
    for name in ("kept", "table"):
        (tmp_path / name).write_text(f"text,label\n{name},b\n")
    uploads.add(tmp_path / "kept", "kept.csv", 1, ["text", "label"])
    added = uploads.add(tmp_path / "table", "table.csv", 1, ["text", "label"], {"id": "acme/films"})
    with uploads.staged() as staged:
        staged.write_text("a table")
        uploads.add_table(added.reference, "table.csv", staged)
    return added


def test_an_upload_takes_another_name_and_stays_what_it_is(uploads: UploadStore, upload: Upload) -> None:
    renamed = uploads.rename(upload.reference, "../films.csv")
    assert renamed == uploads.get(upload.reference) and renamed.name == "films.csv"
    assert (renamed.reference, renamed.source, renamed.rows) == (upload.reference, {"id": "acme/films"}, 1)
    with pytest.raises(NotStored, match="There is no uploaded file"):
        uploads.rename("upload:" + "0" * 64, "x.csv")


def test_a_removed_upload_leaves_no_file_and_no_other_upload_is_touched(uploads: UploadStore, upload: Upload) -> None:
    before = len(list(uploads.root.iterdir()))
    uploads.remove(upload.reference)
    assert [left.name for left in uploads.list()] == ["kept.csv"]
    assert len(list(uploads.root.iterdir())) == before - 2 == 1
    for reference in (upload.reference, "upload:", "upload:*", "sample:x"):
        with pytest.raises(NotStored, match="There is no uploaded file"):
            uploads.remove(reference)
    assert len(list(uploads.root.iterdir())) == 1


def test_an_upload_whose_file_is_gone_can_be_removed(uploads: UploadStore, upload: Upload) -> None:
    uploads.path(upload.reference).unlink()
    uploads.remove(upload.reference)
    assert [left.name for left in uploads.list()] == ["kept.csv"]


def test_an_upload_stays_as_long_as_a_run_waits_for_it_or_reads_it(
    uploads: UploadStore, upload: Upload, store: JobStore, add: Callable[..., Job]
) -> None:
    add("another run")
    job = store.add("the run", {"train": {"steps": 10}}, upload.reference, upload.name, 10)
    with pytest.raises(WrongState, match=r"'table.csv' cannot be deleted while the run 'the run' is queued"):
        uploads.remove(upload.reference)
    store.claim("here", [0, 1])
    store.claim("here", [0, 1])
    with pytest.raises(WrongState, match="is running: stop that run first"):
        uploads.remove(upload.reference)
    store.request_stop(job.id)
    with pytest.raises(WrongState, match="is stopping"):
        uploads.remove(upload.reference)
    store.finish(job.id, JobState.STOPPED)
    uploads.remove(upload.reference)
    assert store.get(job.id).dataset_name == "table.csv"


@pytest.mark.parametrize("part", ["validation_data", "test_data"])
def test_an_upload_stays_as_long_as_a_run_waits_that_is_tested_on_it(
    part: str, uploads: UploadStore, upload: Upload, store: JobStore
) -> None:
    store.add("the run", {"data": {part: upload.reference}}, "sample:x.csv", "x.csv", 10)
    with pytest.raises(WrongState, match="'the run' is queued"):
        uploads.remove(upload.reference)
