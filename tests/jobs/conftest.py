"""A studio's job system with everything real: database, files, worker processes, the tiny backbone."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from app.jobs.runner import Runner, Timeouts
from app.processes.identity import session_processes
from lamp.config import DataConfig, LampConfig, TrainConfig, TuneConfig
from storage.artifacts import ArtifactStore
from storage.database import open_database
from storage.home import Home
from storage.jobs import Job, JobState, JobStore
from storage.logs import tail
from storage.uploads import UploadStore
from tests.jobs.warm import Mother, WarmExecutor

QUICK = Timeouts(turn=0.1, start=20, silence=60, stop=30, terminate=5, exit=5)


@dataclass
class System:
    """One STUDIO_HOME with its store, and what tests do to it."""

    home: Home
    url: str
    store: JobStore
    artifacts: ArtifactStore
    config: TuneConfig
    dataset: str

    def submit(self, steps: int = 12, **train: object) -> Job:
        values = self.config.to_dict()
        values["train"] = {**values["train"], "steps": steps, **train}
        return self.store.add("a run", values, self.dataset, "table.csv", steps)

    def environment(self) -> dict[str, str]:
        return {"STUDIO_HOME": str(self.home.root), "DATABASE_URL": self.url}

    def until(self, id: str, reached: Callable[[Job], bool], seconds: float = 60) -> Job:
        """The run as soon as `reached` is true of it."""
        deadline = time.monotonic() + seconds
        while not reached(job := self.store.get(id)):
            if time.monotonic() > deadline:
                raise AssertionError(f"{job}\n{self.store.events(id)}\n{tail(self.home.log(id), 40)}")
            time.sleep(0.03)
        return job

    def ended(self, id: str, state: JobState, seconds: float = 60) -> Job:
        """The run once it has ended and given its slot back; it must have ended in `state`."""
        job = self.until(id, lambda job: job.state.finished, seconds)
        assert job.state is state, f"{job}\n{self.store.events(id)}\n{tail(self.home.log(id), 40)}"
        host = job.host or ""
        self.until(id, lambda _: id not in {ended.id for ended in self.store.releasing_slots(host)}, seconds)
        remaining = session_processes(job.worker) if job.worker is not None else []
        assert remaining == []
        return job

    def kill(self, job: Job) -> None:
        """SIGKILL to the worker, and nobody but it."""
        if job.worker is not None and session_processes(job.worker):
            os.kill(job.worker.pid, signal.SIGKILL)


@pytest.fixture
def system(tmp_path: Path, tiny_llama: Path) -> System:
    return make_system(tmp_path / "home", tiny_llama)


def make_system(root: Path, backbone: Path, url: str = "") -> System:
    home = Home(root)
    root.mkdir(parents=True, exist_ok=True)
    table = root.parent / "table.csv"
    rows = [
        f"the film was {word} {number},{label}\n"
        for number in range(30)
        for word, label in (("good", "positive"), ("bad", "negative"))
    ]
    table.write_text("text,label\n" + "".join(rows))
    database = open_database(url or f"sqlite:///{root / 'studio.db'}")
    config = TuneConfig(
        backbone=str(backbone),
        data=DataConfig(input_columns=("text",), target_column="label"),
        lamp=LampConfig(prompt_length=10, rank=4, pooling=5),
        train=TrainConfig(steps=12, batch_size=4, evaluate_every=4, checkpoint_every=2, precision="fp32"),
    )
    dataset = UploadStore(database, home.uploads).add(table, "table.csv", len(rows), ("text", "label")).reference
    return System(
        home,
        url or f"sqlite:///{root / 'studio.db'}",
        JobStore(database),
        ArtifactStore(home.artifacts),
        config,
        dataset,
    )


@pytest.fixture(scope="session")
def toys() -> Iterator[Mother]:
    started = Mother("toy")
    yield started
    started.close()


@pytest.fixture(scope="session")
def mother() -> Iterator[Mother]:
    started = Mother()
    yield started
    started.close()


@pytest.fixture
def executor(system: System, mother: Mother) -> Iterator[WarmExecutor]:
    warm = WarmExecutor(mother, system.home, system.environment())
    yield warm
    for job in system.store.active():
        if job.worker:
            warm.stop(job.worker, force=True)


@pytest.fixture
def runner(system: System, executor: WarmExecutor) -> Iterator[Runner]:
    started = Runner(system.store, executor, ["", ""], auto_resume=True, timeouts=QUICK)
    started.start()
    yield started
    started.close()
