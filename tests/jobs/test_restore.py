"""A copy of the studio, made as docs/operations.md says while it works, is a studio again."""

from __future__ import annotations

import sqlite3
import subprocess
from contextlib import closing
from pathlib import Path

import pytest

from app.jobs.runner import Runner
from app.processes.identity import session_processes
from storage.artifacts import ArtifactStore
from storage.database import open_database
from storage.home import Home
from storage.jobs import JobState, JobStore
from tests.jobs.conftest import QUICK, System
from tests.jobs.test_killed_workers import finished_alike, losses
from tests.jobs.warm import Mother, WarmExecutor


@pytest.mark.slow
def test_a_copy_made_while_a_run_was_going_is_restored_with_its_prompts_and_the_run_goes_on(
    system: System, runner: Runner, mother: Mother, tmp_path: Path
) -> None:
    reference = system.ended(system.submit(400, evaluate_every=100, checkpoint_every=20).id, JobState.DONE)
    going = system.submit(400, evaluate_every=100, checkpoint_every=20)
    system.until(going.id, lambda job: job.step > 20)

    root = tmp_path / "restored"
    root.mkdir()
    with (
        closing(sqlite3.connect(system.home.root / "studio.db")) as old,
        closing(sqlite3.connect(root / "studio.db")) as new,
    ):
        old.backup(new)
    archive = tmp_path / "files.tar"
    packed = subprocess.run(["tar", "cf", archive, "-C", system.home.root, "uploads", "artifacts", "checkpoints"])
    assert packed.returncode in (0, 1), "1: a file changed or went meanwhile, as the files of a working studio do"
    subprocess.run(["tar", "xf", archive, "-C", root], check=True)
    runner.close()
    system.kill(system.store.get(going.id))
    worker = system.store.get(going.id).worker
    assert worker is not None
    system.until(going.id, lambda _: session_processes(worker) == [])

    home, url = Home(root), f"sqlite:///{root / 'studio.db'}"
    restored = System(
        home, url, JobStore(open_database(url)), ArtifactStore(home.artifacts), system.config, system.dataset
    )
    assert restored.store.get(reference.id) == reference
    committed = losses(restored, going)
    executor = WarmExecutor(mother, home, restored.environment())
    second = Runner(restored.store, executor, [""], auto_resume=True, timeouts=QUICK)
    second.start()
    try:
        done = restored.ended(going.id, JobState.DONE)
        assert 0 < len(committed) < 400 and set(committed) <= set(losses(restored, done))
        finished_alike(restored, done, reference)
    finally:
        second.close()
