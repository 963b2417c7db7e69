"""A home folder that an earlier version of the studio made is opened and worked on by this one.

tests/storage/old-home.tar.xz is such a folder, made with the last version whose database has the schema 0002: an
upload, a run that is done, and one that was stopped at step 26 of 400. The backbone is tests/tiny.py's "llama".
"""

from __future__ import annotations

import sqlite3
import tarfile
from contextlib import closing
from pathlib import Path

import pytest

from app.jobs.runner import Runner
from app.run import Run
from app.settings import Settings
from app.studio import Studio
from lamp.export.saved_prompt import load_prompt
from storage.artifacts import ArtifactStore
from storage.database import open_database
from storage.home import Home
from storage.jobs import JobState, JobStore
from tests.jobs.conftest import QUICK, System
from tests.jobs.warm import Mother, WarmExecutor

ARCHIVE = Path(__file__).parents[1] / "storage" / "old-home.tar.xz"
DONE, STOPPED = "272be38597", "d0c3c6d061"
BACKBONE = "/srv/backbones/tiny-llama"
"""Where the backbone lay when the folder was made."""


@pytest.fixture
def old(tmp_path: Path, tiny_llama: Path) -> System:
    """The folder, with the backbone where it lies today."""
    root = tmp_path / "home"
    with tarfile.open(ARCHIVE) as archive:
        archive.extractall(root, filter="data")
    with closing(sqlite3.connect(root / "studio.db")) as connection:
        assert connection.execute("SELECT version_num FROM alembic_version").fetchall() == [("0002",)]
        connection.execute("UPDATE jobs SET config = replace(config, ?, ?)", (BACKBONE, str(tiny_llama)))
        connection.commit()
    home, url = Home(root), f"sqlite:///{root / 'studio.db'}"
    store = JobStore(open_database(url, home.backups))
    [upload] = [path.name for path in home.uploads.iterdir()]
    return System(
        home, url, store, ArtifactStore(home.artifacts), Run.of(store.get(DONE)).config, dataset=f"upload:{upload}"
    )


def test_its_runs_its_upload_its_curves_and_its_prompts_are_there(old: System, tiny_llama: Path) -> None:
    environment = {"STUDIO_HOME": str(old.home.root)}
    studio = Studio(Settings.from_environment(environment), old.store.database)
    assert [(job.id, job.name, job.state, job.step, job.steps) for job in studio.jobs()] == [
        (STOPPED, "stopped", JobState.STOPPED, 26, 400),
        (DONE, "finished", JobState.DONE, 12, 12),
    ]
    done = studio.run(DONE)
    assert (done.job.backbone, done.config.backbone) == (str(tiny_llama), str(tiny_llama))
    assert (done.job.tags, done.job.note) == (("films", "größer"), "the first one")
    assert [job.id for job in old.store.list(text="größer tiny-llama")] == [DONE]
    [upload] = [entry for entry in studio.datasets() if entry.reference.startswith("upload:")]
    assert (upload.reference, upload.name, upload.rows) == (old.dataset, "films.csv", 60)
    assert upload.columns == ("text", "label")
    loss = studio.run_view(DONE).loss
    assert [step for step, _ in loss] == list(range(1, 13))
    assert [loss[0][1], loss[-1][1]] == pytest.approx([5.03944, 5.301158])
    stopped = studio.run_view(STOPPED)
    assert [event.state for event in stopped.events] == ["queued", "running", "stopping", "stopped"]
    assert "Training" in stopped.log
    assert "Going on" not in stopped.log
    for run in (DONE, STOPPED):
        prompt = load_prompt(old.artifacts.path(run))
        assert prompt.labels == ("positive", "negative") and prompt.virtual_tokens.shape == (2, 32)


def test_its_stopped_run_is_resumed_from_its_checkpoint_and_ends(old: System, mother: Mother) -> None:
    before = old.store.curve(STOPPED, "loss")
    old.store.resume(STOPPED)
    runner = Runner(old.store, WarmExecutor(mother, old.home, old.environment()), [""], timeouts=QUICK)
    runner.start()
    done = old.ended(STOPPED, JobState.DONE)
    runner.close()
    assert (done.step, done.attempts) == (400, 2)
    assert "Going on from the checkpoint at step 26." in old.home.log(STOPPED).read_text()
    loss = old.store.curve(STOPPED, "loss", 500)
    assert loss[:26] == before and [step for step, _ in loss] == list(range(1, 401))
    assert load_prompt(old.artifacts.path(STOPPED)).labels == ("positive", "negative")
