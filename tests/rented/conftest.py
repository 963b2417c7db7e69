"""A studio that rents machines from the small Hub: the studio's side in this process, the jobs as the test wants."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import cache, partial
from pathlib import Path
from types import SimpleNamespace

import pytest
from huggingface_hub import constants

from app.jobs import heartbeat, worker
from app.jobs.job_reporter import JobReporter
from app.jobs.rented import parcel
from app.jobs.rented.hub_jobs import HubJobs, keep_log_clean
from app.jobs.rented.rental import Rental
from app.jobs.run_end import Outcome
from app.settings import Settings
from storage.artifacts import ArtifactStore
from storage.database import open_database
from storage.jobs import Job
from storage.uploads import UploadStore
from tests.hub.conftest import ADA
from tests.hub.server import Hub
from tests.jobs.conftest import System, make_system

BACKBONE = "acme/tiny"
HERE = "this machine"
code = cache(parcel._code)
"""Packed once for all tests."""


@dataclass
class RentingStudio:
    """A studio with a run, whose worker is a thread."""

    system: System
    hub: Hub
    settings: Settings
    report_seconds: float = 0.3
    statuses: list[int] = field(default_factory=list)
    """Of the workers that have ended."""

    def submit(self, steps: int = 12, **train: object) -> Job:
        return self.system.submit(steps, **train)

    def begin(self, id: str) -> threading.Thread:
        """Claims the run and starts its worker."""
        self.system.store.release(id)
        job = self.system.store.claim(HERE, [0])
        assert job is not None and job.id == id
        thread = threading.Thread(
            target=lambda: self.statuses.append(
                worker.run(id, job.attempts, self.settings, partial(self._work, self.settings))
            ),
            daemon=True,
        )
        thread.start()
        return thread

    def finish(self, thread: threading.Thread, seconds: float = 60) -> int:
        """The exit status of a worker."""
        thread.join(seconds)
        assert not thread.is_alive(), "the worker still follows"
        return self.statuses[-1]

    def job(self) -> HubJobs:
        return HubJobs(ADA.token, self.hub.url)

    def _work(self, settings: Settings, job: Job, reporter: JobReporter, artifacts: ArtifactStore) -> Outcome:
        uploads = UploadStore(open_database(settings.database_url), self.system.home.uploads)
        rental = Rental(
            settings,
            self.job(),
            self.system.home,
            uploads,
            artifacts,
            job,
            reporter,
            report_seconds=self.report_seconds,
            look_seconds=0.05,
        )
        return rental.outcome()


@pytest.fixture
def hub() -> Iterator[Hub]:
    with Hub() as hub:
        hub.accounts.append(ADA)
        try:
            yield hub
        finally:
            hub.close_jobs()
        assert not hub.unknown(), f"the small Hub lacks a route: {hub.unknown()}"


@pytest.fixture
def studio(tmp_path: Path, hub: Hub, monkeypatch: pytest.MonkeyPatch) -> RentingStudio:
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(signal, "signal", lambda *_: None)  # workers are threads here
    monkeypatch.setattr(heartbeat, "os", SimpleNamespace(_exit=lambda _: threading.Event().wait()))
    monkeypatch.setattr(parcel, "_code", code)
    keep_log_clean()
    system = make_system(tmp_path / "home", Path(BACKBONE))
    system.config = replace(system.config, backbone=BACKBONE)
    settings = Settings.from_environment(
        {**system.environment(), "STUDIO_HF_JOBS": "t4-small", "STUDIO_HF_JOBS_TOKEN": ADA.token}
    )
    return RentingStudio(system, hub, settings)
