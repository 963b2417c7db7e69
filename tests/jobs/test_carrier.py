"""Runs whose machines share nothing but the records and a store of files."""

from __future__ import annotations

import os
import re
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

import pytest

from app.jobs import carrier, cleanup, worker
from app.jobs.carrier import StoreCarrier
from app.jobs.runner import Runner
from app.settings import Settings
from app.studio import Studio
from storage.errors import StoreUnavailable
from storage.home import Home
from storage.jobs import Job, JobState
from storage.object_store import ObjectStore
from storage.run_files import RunFiles
from storage.shared_files import Files, open_files
from tests.jobs import toy
from tests.jobs.conftest import QUICK, System, make_system
from tests.jobs.test_killed_workers import losses
from tests.jobs.warm import Mother, WarmExecutor
from tests.storage.stores import failing, objects_in

STEPS, PACE = 200, {"checkpoint_every": 20, "evaluate_every": 100}


@dataclass
class Studios:
    """A server, and machines for its runs."""

    system: System
    """With the server's folders."""
    settings: Settings
    mother: Mother
    store: ObjectStore
    files: Files

    def machine(self, name: str) -> WarmExecutor:
        """Starts workers with a home of that name."""
        home = self.settings.home.parent / name
        environment = {**self.system.environment(), "STUDIO_HOME": str(home), "STUDIO_FILES": self.settings.files}
        return WarmExecutor(self.mother, Home(home / "work"), environment)

    def runner(self, name: str) -> Runner:
        runner = Runner(self.system.store, self.machine(name), [""], timeouts=QUICK)
        runner.start()
        return runner


@pytest.fixture
def studios(tmp_path: Path, tiny_llama: Path, mother: Mother) -> Studios:
    (tmp_path / "store").mkdir()
    system = make_system(tmp_path / "server", tiny_llama)
    environment = {**system.environment(), "STUDIO_FILES": f"file://{tmp_path / 'store'}"}
    settings = Settings.from_environment(environment)
    files = open_files(settings.home, settings.files)
    files.uploads(system.store.database).add(tmp_path / "table.csv", "table.csv", 60, ("text", "label"))
    shared = replace(system, home=files.home, artifacts=files.artifacts)
    return Studios(shared, settings, mother, ObjectStore(settings.files), files)


@pytest.fixture
def reference(tmp_path: Path, tiny_llama: Path, mother: Mother) -> Iterator[tuple[System, Job]]:
    """An undisturbed run on one machine."""
    system = make_system(tmp_path / "alone" / "home", tiny_llama)
    runner = Runner(system.store, WarmExecutor(mother, system.home, system.environment()), [""], timeouts=QUICK)
    runner.start()
    yield system, system.ended(system.submit(STEPS, **PACE).id, JobState.DONE)
    runner.close()


def test_a_run_whose_machine_is_lost_goes_on_elsewhere_to_the_same_result(
    studios: Studios, reference: tuple[System, Job], tmp_path: Path
) -> None:
    system = studios.system
    job = system.submit(STEPS, **PACE)
    first = studios.runner("first")
    system.until(job.id, lambda _: any("step-00000020" in path for path in objects_in(studios.store)))
    first.close()
    system.kill(system.store.get(job.id))
    second = Runner(system.store, studios.machine("second"), [""], timeouts=QUICK)
    for _ in range(50):  # the second machine's runner finds the worker gone, and takes the run
        second.turn()
        time.sleep(0.02)
    second.start()
    done = system.ended(job.id, JobState.DONE)
    second.close()
    assert done.attempts == 2
    log = system.home.log(job.id).read_text()
    assert "Loading the data" in log and log.rstrip().endswith("Done.")
    assert int(re.findall(r"Going on from the checkpoint at step (\d+)", log)[-1]) >= 20
    other, undisturbed = reference
    assert losses(system, done) == losses(other, undisturbed), "bit by bit"
    assert (system.artifacts.path(job.id) / "lamp_factors.safetensors").read_bytes() == (
        other.artifacts.path(undisturbed.id) / "lamp_factors.safetensors"
    ).read_bytes()
    work = Home(tmp_path / "second" / "work")
    assert not work.checkpoints(job.id).exists() and not work.log(job.id).exists()
    assert list(work.uploads.iterdir()) != []  # for the next run on the same data


def test_the_server_shows_all_of_a_run_that_was_elsewhere_and_removes_all_of_it(
    studios: Studios, monkeypatch: pytest.MonkeyPatch
) -> None:
    system, studio = studios.system, Studio(studios.settings, studios.system.store.database)
    job = system.submit(4)
    runner = studios.runner("first")
    system.ended(job.id, JobState.DONE)
    runner.close()
    view = studio.run_view(job.id)
    assert "Done." in view.log and studio.results(job.id) is not None and studio.inspection(job.id) is not None
    assert studio.export(job.id).is_file()
    comparison, longer = studio.compare_ways(job.id, ("instruction",)), studio.extend(job.id, 8)
    runner = studios.runner("second")
    system.ended(comparison, JobState.DONE)
    assert (worth := studio.worth(job.id)) is not None and worth.any_tried
    assert system.ended(longer, JobState.DONE).step == 8
    runner.close()
    assert "Going on from the checkpoint at step 4." in system.home.log(longer).read_text()
    for id in (job.id, longer):
        studio.delete(id)
    monkeypatch.setattr(cleanup, "RESTORABLE", timedelta(0))
    monkeypatch.setattr(cleanup, "SWEEPS", 1)
    cleanup.sweep(
        system.store, studios.files.home, studios.files.artifacts, studios.files.uploads(system.store.database)
    )
    assert [path for path in objects_in(studios.store) if path.startswith("runs/")] == []
    assert [path for path in objects_in(studios.store) if path.startswith("uploads/")] != []
    studio.close()


@pytest.fixture
def toy_run(studios: Studios, monkeypatch: pytest.MonkeyPatch) -> Job:
    """A claimed run whose worker can be this process."""
    monkeypatch.setattr(worker, "_handle_sigterm", lambda heartbeat: threading.Event())
    monkeypatch.setattr(carrier, "_AGAIN_SECONDS", 0.05)
    studios.system.submit(3)
    job = studios.system.store.claim("here", [0])
    assert job is not None
    return job


def test_a_run_that_cannot_have_its_files_fails_with_one_sentence(
    studios: Studios, toy_run: Job, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(carrier, "_WAIT_SECONDS", 0.1)
    monkeypatch.setattr(carrier, "_BEAT_SECONDS", 0.01)
    with failing(studios.store):
        assert worker.run(toy_run.id, 1, studios.settings, toy.work) == 1
    failed = studios.system.store.get(toy_run.id)
    assert failed.state is JobState.FAILED and failed.beats > 0
    assert failed.error == "The store of files does not answer now (ConnectionError): try again in a moment."


def test_a_run_whose_prompt_cannot_be_stored_is_not_done(
    studios: Studios, toy_run: Job, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker, "END_SECONDS", 0.1)
    with failing(studios.store, lambda path: "/artifacts/" in path):
        worker.run(toy_run.id, 1, studios.settings, toy.work)
    failed = studios.system.store.get(toy_run.id)
    assert (failed.state, failed.artifact) == (JobState.FAILED, None)
    assert (Home(studios.settings.work_home).artifacts / f"{toy_run.id}.1").is_dir()  # nothing is lost here


def test_a_run_that_has_ended_waits_for_the_store(studios: Studios, toy_run: Job) -> None:
    running = threading.Thread(
        target=worker.run, args=(toy_run.id, 1, studios.settings, toy.work), name="worker", daemon=True
    )
    with failing(studios.store, lambda path: "/artifacts/" in path) as failed:
        running.start()
        deadline = time.monotonic() + 30
        while len(failed) < 2 and time.monotonic() < deadline:
            time.sleep(0.02)
        assert studios.system.store.get(toy_run.id).state is JobState.RUNNING
    running.join(30)
    assert studios.system.store.get(toy_run.id).state is JobState.DONE
    assert (studios.files.artifacts.path(toy_run.id) / "prompt.txt").read_text() == "3"


def test_an_attempt_goes_on_with_the_log_of_the_one_before_on_another_machine(
    studios: Studios, toy_run: Job, tmp_path: Path
) -> None:
    for number in (1, 2):
        home, job = Home(tmp_path / f"machine-{number}"), replace(toy_run, attempts=number)
        log = home.log(toy_run.id)
        log.parent.mkdir(parents=True)
        log.write_text(f"attempt {number} begins\n")
        carried = StoreCarrier(studios.settings.files, home, job, studios.system.store)
        carried.begin()
        with log.open("a") as file:
            file.write(f"attempt {number} ends\n")
        carried.end(0)
    lines = studios.files.home.log(toy_run.id).read_text().splitlines()
    assert lines == ["attempt 1 begins", "attempt 1 ends", "attempt 2 begins", "attempt 2 ends"]


def test_what_a_run_leaves_is_not_stored_when_nobody_waits_and_the_store_is_away(
    studios: Studios, toy_run: Job, tmp_path: Path
) -> None:
    carried = StoreCarrier(studios.settings.files, Home(tmp_path / "machine"), toy_run, studios.system.store)
    carried.begin()
    carried._home.answers(toy_run.id).parent.mkdir(parents=True, exist_ok=True)
    carried._home.answers(toy_run.id).write_text("{}")
    with failing(studios.store), pytest.raises(StoreUnavailable):
        carried.end(0)
    assert carried._home.answers(toy_run.id).is_file()


def test_checkpoints_that_an_attempt_could_not_store_are_gone_on_from_on_its_machine(
    studios: Studios, toy_run: Job, tmp_path: Path
) -> None:
    def carried(machine: str, attempt: int) -> StoreCarrier:
        home, job = Home(tmp_path / machine), replace(toy_run, attempts=attempt)
        return StoreCarrier(studios.settings.files, home, job, studios.system.store)

    def steps(machine: str) -> list[str]:
        return sorted(path.name for path in Home(tmp_path / machine).checkpoints(toy_run.id).glob("step-*"))

    def checkpoint(machine: str, step: int) -> None:
        folder = Home(tmp_path / machine).checkpoints(toy_run.id) / f"step-{step:08d}"
        folder.mkdir(parents=True)
        (folder / "state.json").write_text("{}")

    first = carried("a", 1)
    first.begin()
    checkpoint("a", 20)
    first.end(0)
    checkpoint("a", 40)
    del first  # as its process does, it lets the next worker have the run's files
    second = carried("a", 2)
    second.begin()
    assert steps("a") == ["step-00000020", "step-00000040"]
    second.end(0)
    elsewhere = carried("b", 3)
    elsewhere.begin()
    checkpoint("b", 60)
    elsewhere.end(0)
    del second
    last = carried("a", 4)
    last.begin()
    assert steps("a")[-1] == "step-00000060"
    last.end(0)


def test_the_files_of_a_run_that_is_resumed_are_left_to_its_next_worker_which_waits_for_the_one_before(
    studios: Studios, toy_run: Job, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home, store = Home(tmp_path / "machine"), studios.system.store
    before = StoreCarrier(studios.settings.files, home, toy_run, store)
    before.begin()
    checkpoint = home.checkpoints(toy_run.id) / "step-00000020"
    checkpoint.mkdir(parents=True)
    (checkpoint / "state.json").write_text("{}")
    before.end(0)
    store.finish(toy_run.id, JobState.STOPPED)
    store.resume(toy_run.id)
    before.clear()
    assert checkpoint.is_dir()
    after = StoreCarrier(studios.settings.files, home, replace(toy_run, attempts=2), store)
    with monkeypatch.context() as patch, pytest.raises(StoreUnavailable, match="has not ended yet"):
        patch.setattr(carrier, "_WAIT_SECONDS", 0.1)
        after.begin()
    del before  # as its process does
    after.begin()
    after.end(0)


def test_files_of_a_run_that_are_not_stored_stay_and_those_that_active_runs_use_are_not_swept(
    studios: Studios, toy_run: Job, tmp_path: Path
) -> None:
    home, store = Home(tmp_path / "machine"), studios.system.store
    comparison = store.add("other ways", {}, "upload:0a", "table.csv", 1, parent="compared", kind="comparison")
    assert store.claim("here", [0, 1]) is not None
    used = [home.answers("compared"), home.uploads / "0a", home.answers(comparison.id)]
    unused = [home.answers("another"), home.uploads / "0b"]
    for path in (*used, *unused):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("x")
        os.utime(path, (0, 0))
    carried = StoreCarrier(studios.settings.files, home, toy_run, store)
    carried.begin()
    home.samples(toy_run.id).write_text("x")
    store.finish(toy_run.id, JobState.FAILED)
    carried.clear()
    assert [path.exists() for path in (*used, home.samples(toy_run.id))] == [True] * 4
    assert [path.exists() for path in unused] == [False] * 2
    carried.end(0)
    carried.clear()
    assert not home.samples(toy_run.id).exists()


def test_a_log_goes_on_though_the_store_broke_off_while_the_log_before_was_fetched(
    studios: Studios, toy_run: Job, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = Home(tmp_path / "before")
    older = before.log(toy_run.id).with_name(f"{toy_run.id}.log.1")
    older.parent.mkdir(parents=True)
    older.write_text("older\n")
    before.log(toy_run.id).write_text("attempt 1\n")
    RunFiles(studios.store, before.root, toy_run.id, 1).push()
    home = Home(tmp_path / "machine")
    log = home.log(toy_run.id)
    log.parent.mkdir(parents=True)
    log.write_text("attempt 2\n")
    output, directed = log.stat().st_ino, list[int]()
    monkeypatch.setattr(carrier, "_is_output", lambda path: path.stat().st_ino == output)
    carried = StoreCarrier(studios.settings.files, home, replace(toy_run, attempts=2), studios.system.store)
    broken = iter([True])
    with (
        failing(studios.store, lambda path: ".log.1/" in path and next(broken, False)) as failed,
        monkeypatch.context() as patch,
    ):
        patch.setattr(os, "dup2", lambda fresh, descriptor: directed.append(descriptor))
        carried.begin()
    carried.end(0)
    assert failed and directed == [1, 2]
    assert log.read_text() == "attempt 1\nattempt 2\n"
