"""Full disks, locked databases and clocks that jump: the run waits or fails honestly, and loses nothing."""

from __future__ import annotations

import sqlite3
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from app.jobs.journal import Journal
from app.jobs.runner import Runner
from storage.jobs import Job, JobState
from tests.jobs.conftest import QUICK, System, make_system
from tests.jobs.test_killed_workers import finished_alike, losses
from tests.jobs.warm import Mother, WarmExecutor


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 16 MB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=16m", "tmpfs", str(folder)], capture_output=True)
    if done.returncode:
        pytest.skip("A small file system cannot be mounted here: that takes root.")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory, tiny_llama: Path, mother: Mother) -> tuple[Job, System]:
    """A run of 400 steps to which nothing happened, and where it was run."""
    system = make_system(tmp_path_factory.mktemp("undisturbed") / "home", tiny_llama)
    runner = Runner(system.store, WarmExecutor(mother, system.home, system.environment()), [""], timeouts=QUICK)
    runner.start()
    reference = system.ended(system.submit(400).id, JobState.DONE)
    runner.close()
    return reference, system


def fill(folder: Path) -> Path:
    """A file that takes all the room there is."""
    filler = folder / "filler"
    with filler.open("wb", buffering=0) as file:
        for size in (65536, 512):
            try:
                while file.write(b"x" * size):
                    pass
            except OSError:
                continue
    return filler


@pytest.mark.slow
def test_a_full_disk_ends_a_run_with_a_sentence_and_with_space_again_it_goes_on_to_the_same_result(
    small_disk: Path, tiny_llama: Path, mother: Mother, undisturbed: tuple[Job, System]
) -> None:
    system = make_system(small_disk / "home", tiny_llama)
    runner = Runner(system.store, WarmExecutor(mother, system.home, system.environment()), [""], timeouts=QUICK)
    runner.start()
    job = system.submit(400)
    system.until(job.id, lambda job: job.step > 4)
    filler = fill(small_disk)
    time.sleep(3)  # database and all are on that disk: not even the failure can be recorded
    assert system.store.get(job.id).state is JobState.RUNNING
    filler.unlink()
    failed = system.ended(job.id, JobState.FAILED)
    assert failed.error == "The disk is full: free some space, then resume the run from its last checkpoint."
    committed = losses(system, job)
    assert [step for step, _ in committed] == list(range(1, len(committed) + 1))
    assert not list(system.home.checkpoints(job.id).glob(".staged*"))
    system.store.resume(job.id)
    done = system.ended(job.id, JobState.DONE)
    assert set(committed) <= set(losses(system, done))
    finished_alike(system, done, *undisturbed)
    runner.close()


def test_a_run_whose_answers_cannot_be_kept_is_done_and_has_its_prompt(system: System, runner: Runner) -> None:
    (system.home.root / "answers").write_text("where the folder should be")
    done = system.ended(system.submit().id, JobState.DONE)
    assert done.artifact == done.id and "accuracy" in done.scores
    assert (system.artifacts.path(done.id) / "adapter_model.safetensors").is_file()
    assert "were not kept: " in system.home.log(done.id).read_text()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("busy_seconds", "beats_fail"), [(30.0, False), (0.1, True)], ids=["its writers wait", "its writers give up"]
)
def test_a_database_that_is_locked_for_a_while_costs_a_run_nothing(
    system: System, mother: Mother, undisturbed: tuple[Job, System], busy_seconds: float, beats_fail: bool
) -> None:
    environment = {**system.environment(), "BUSY_SECONDS": str(busy_seconds)}
    runner = Runner(system.store, WarmExecutor(mother, system.home, environment), [""], timeouts=QUICK)
    runner.start()
    job = system.submit(400)
    system.until(job.id, lambda job: job.step > 0)
    with closing(sqlite3.connect(system.home.root / "studio.db", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        time.sleep(2.5)  # longer than two beats are apart
        assert system.store.get(job.id).state is JobState.RUNNING, "reading goes on meanwhile"
        other.execute("COMMIT")
    done = system.ended(job.id, JobState.DONE)
    runner.close()
    assert done.attempts == 1
    finished_alike(system, done, *undisturbed)
    assert ("for the next try" in system.home.log(job.id).read_text()) is beats_fail


def test_a_clock_that_is_set_back_by_an_hour_changes_nothing_but_the_times(
    system: System, mother: Mother, monkeypatch: pytest.MonkeyPatch
) -> None:
    environment = {**system.environment(), "CLOCK_SET_BACK_AFTER": "0.5"}
    runner = Runner(system.store, WarmExecutor(mother, system.home, environment), [""], timeouts=QUICK)
    runner.start()
    job = system.submit(300)
    done = system.ended(job.id, JobState.DONE)
    assert done.started_at and done.finished_at and done.finished_at < done.started_at, "the clock was set back"
    assert done.attempts == 1
    assert [event.state for event in system.store.events(job.id)] == ["queued", "running", "done"]
    assert len(losses(system, job)) == 300
    later = system.submit(1)
    system.ended(later.id, JobState.DONE)
    runner.close()


def test_what_a_killed_process_had_not_committed_is_read_from_its_journal(tmp_path: Path) -> None:
    path = tmp_path / "run" / "journal.jsonl"
    first = Journal(path)
    first.add([(1, "loss", 0.5)])
    first.add([(2, "loss", 0.25), (2, "rate", 1.0)])
    with path.open("ab") as file:
        file.write(b'\n[[3, "lo')  # the moment of death
    second = Journal(path)
    assert second.uncommitted == [(1, "loss", 0.5), (2, "loss", 0.25), (2, "rate", 1.0)]
    second.add([(3, "loss", 0.125)])
    assert Journal(path).uncommitted == [*second.uncommitted, (3, "loss", 0.125)]


def test_a_journal_does_not_grow_with_the_run(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    journal = Journal(path)
    for step in range(20_000):
        journal.add([(step, "loss", 0.5), (step, "rate", 0.5)])
        if step % 500 == 499:
            journal.discard_committed([(step, "loss", 0.5)])
    journal.add([(20_000, "loss", 0.25)])
    assert path.stat().st_size < 400_000
    assert Journal(path).uncommitted[-1] == (20_000, "loss", 0.25)
