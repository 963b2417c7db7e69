"""A full disk, and a clock that is set forward."""

from __future__ import annotations

import shutil
from collections import namedtuple
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace

import pytest

from app.disk_full import full_disk_told
from app.jobs.cleanup import RESTORABLE, SWEEPS, sweep
from app.studio import Studio
from storage.artifacts import ArtifactStore
from storage.errors import LowDisk
from storage.home import Home
from storage.uploads import UploadStore
from tests.attacks.conftest import Submit


def test_a_clock_that_was_set_forward_purges_no_deleted_run(
    submit: Submit, studio: Studio, monkeypatch: pytest.MonkeyPatch
) -> None:
    home, store = Home(studio.settings.home), studio._store
    arguments = store, home, ArtifactStore(home.artifacts), UploadStore(store.database, home.uploads)
    run = submit()
    studio.delete(run)
    monkeypatch.setattr("storage.jobs.utc_now", lambda: datetime.now(UTC) + 2 * RESTORABLE)
    sweep(*arguments)
    assert studio.restore(run).deleted_at is None
    studio.delete(run)
    monkeypatch.setattr("storage.jobs.utc_now", lambda: datetime.now(UTC) + 4 * RESTORABLE)
    for _ in range(SWEEPS - 1):
        sweep(*arguments)
    assert store.get(run).deleted_at is not None
    sweep(*arguments)
    assert run not in store.ids()


def test_a_full_disk_at_an_upload_or_an_export_is_one_sentence(
    studio: Studio, tiny_table: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr("storage.files._flush", full)
        with pytest.raises(LowDisk, match="The studio's disk is full, so the file cannot be kept"):
            studio.add_dataset(tiny_table, "films.csv")
    assert not [entry for entry in studio.datasets() if entry.is_upload]
    assert list((studio.settings.home / "uploads").iterdir()) == []
    monkeypatch.setattr(studio._artifacts, "path", lambda id: tiny_table.parent)
    monkeypatch.setattr("app.studio_parts.prompts.zip_artifact", full)
    monkeypatch.setattr(studio._store, "get", lambda id: SimpleNamespace(id=id, name="a run", deleted_at=None))
    with pytest.raises(LowDisk, match="The studio's disk is full, so the prompt cannot be exported"):
        studio.export("a")


def test_a_file_is_kept_only_where_it_fits(studio: Studio, tiny_table: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage(1, 1, 100))
    with pytest.raises(LowDisk, match="this file wants at least"):
        studio.add_dataset(tiny_table, "films.csv")


def test_other_errors_of_files_are_not_taken_for_a_full_disk() -> None:
    with pytest.raises(PermissionError), full_disk_told("x"):
        raise PermissionError(13, "Permission denied")
