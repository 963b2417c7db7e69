"""Files in a bucket of a real S3 server: whole or not there, fetched, removed; what is wrong is told at once."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.settings import Settings
from app.studio import Studio
from storage.errors import StorageError, StoreUnavailable
from storage.jobs import JobState
from storage.object_store import Gone, ObjectStore, pack
from storage.shared_files import open_files
from tests.jobs.conftest import make_system
from tests.s3.server import new_bucket
from tests.storage.stores import objects_in, put

pytestmark = [pytest.mark.s3, pytest.mark.timeout(600)]


@pytest.fixture(scope="module")
def bucket() -> Iterator[str]:
    with new_bucket() as address:
        yield address


def test_files_and_folders_are_stored_fetched_and_removed(bucket: str, tmp_path: Path) -> None:
    store = ObjectStore(bucket)
    store.check()
    large = tmp_path / "large"
    large.write_bytes(os.urandom(60_000_000))  # goes up in several parts
    version = put(store, "uploads/u1", "u1", large)
    store.fetch("uploads/u1", "u1", version, tmp_path / "back")
    assert (tmp_path / "back").read_bytes() == large.read_bytes()
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "state.json").write_text("{}")
    pack(tmp_path / "folder", tmp_path / "packed")
    packed = put(store, "runs/r1", "checkpoints/r1/step-00000020", tmp_path / "packed", is_zip=True)
    store.fetch("runs/r1", "checkpoints/r1/step-00000020", packed, tmp_path / "again")
    assert (tmp_path / "again" / "state.json").read_text() == "{}"
    assert (store.groups("runs"), store.groups("uploads")) == (["r1"], ["u1"])
    for group in ("runs/r1", "uploads/u1"):
        store.remove_group(group)
    with pytest.raises(Gone):
        store.fetch("uploads/u1", "u1", version, tmp_path / "back")
    assert objects_in(store) == []


def test_what_is_wrong_is_one_sentence_without_the_secret(
    bucket: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(StorageError, match="The bucket of STUDIO_FILES does not exist: create it, or correct"):
        ObjectStore("s3://no-such-bucket/x").check()
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    import fsspec

    fsspec.filesystem("s3").clear_instance_cache()
    away = ObjectStore(bucket)
    began = time.monotonic()
    with pytest.raises(StoreUnavailable, match="does not answer now"):
        away.versions("runs/r1")
    assert time.monotonic() - began < 30
    with pytest.raises(StorageError, match="cannot write to STUDIO_FILES") as raised:
        away.check()
    assert "a-secret-of-tests" not in caplog.text + str(raised.value)
    monkeypatch.undo()
    fsspec.filesystem("s3").clear_instance_cache()


def test_the_program_says_that_a_bucket_does_not_exist_and_does_not_start(bucket: str, tmp_path: Path) -> None:
    environment = {
        **os.environ,
        "STUDIO_HOME": str(tmp_path),
        "STUDIO_FILES": "s3://no-such-bucket",
        "STUDIO_PORT": "7993",
    }
    done = subprocess.run([sys.executable, "app.py"], env=environment, capture_output=True, text=True, timeout=300)
    assert done.returncode == 1
    assert done.stderr.strip() == (
        "The bucket of STUDIO_FILES does not exist: create it, or correct 's3://no-such-bucket'."
    )


def test_a_run_with_its_files_in_a_bucket_is_shown_by_a_server_with_another_disk(
    bucket: str, tmp_path: Path, tiny_llama: Path
) -> None:
    system = make_system(tmp_path / "server", tiny_llama)
    settings = Settings.from_environment({**system.environment(), "STUDIO_FILES": bucket})
    files = open_files(settings.home, bucket)
    files.uploads(system.store.database).add(tmp_path / "table.csv", "table.csv", 60, ("text", "label"))
    job = system.submit(12)
    assert system.store.claim("here", [0]) is not None
    environment = {**os.environ, **system.environment(), "STUDIO_HOME": str(tmp_path / "machine")}
    done = subprocess.run(
        [sys.executable, "-m", "app.jobs.worker", job.id], env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0 and "a-secret-of-tests" not in done.stdout + done.stderr
    assert system.store.get(job.id).state is JobState.DONE
    studio = Studio(settings, system.store.database)
    assert studio.results(job.id) is not None and studio.export(job.id).is_file()
    assert [path for path in objects_in(ObjectStore(bucket)) if path.startswith(f"runs/{job.id}/checkpoints/")] != []
    studio.close()
