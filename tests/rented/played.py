"""A rented machine that a test plays: what it sends arrives as if the machine had sent it."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable
from dataclasses import replace

from app.jobs.rented.report import Report
from storage.states import JobState
from tests.hub.jobs import HubJob
from tests.hub.repositories import Repository
from tests.hub.server import Hub

NOTHING = Report(JobState.RUNNING, "Training", 0, None, {}, False, [], 0, [])


class Machine:
    """The newest job of the small Hub, once there is one."""

    def __init__(self, hub: Hub, jobs: int = 1) -> None:
        until(lambda: len(hub.jobs) >= jobs)
        self.hub, self.job = hub, hub.jobs[jobs - 1]
        self._reports = 0

    @property
    def repository(self) -> Repository:
        return self.hub.repository(self.job.asked["command"][3], "datasets")

    def report(self, files: dict[str, bytes | None] | None = None, **told: object) -> None:
        """One commit with a report and files below out/."""
        self._reports += 1
        report = replace(NOTHING, **told)  # type: ignore[arg-type]
        changed: dict[str, bytes | None] = {f"out/{name}": content for name, content in (files or {}).items()}
        changed[f"out/reports/{self._reports:06}.json"] = report.to_json()
        with self.hub.lock:
            self.repository.commit("a report", changed)

    def end(self, stage: str = "COMPLETED", message: str | None = None) -> HubJob:
        self.job.stage, self.job.message = stage, message
        return self.job


def checkpoint(step: int, *, whole: bool = True) -> dict[str, bytes | None]:
    """The files of a checkpoint, with the record of its run."""
    tensors = b"tensors of step %d" % step
    digest = hashlib.sha256(tensors).hexdigest() if whole else "0" * 64
    folder = f"checkpoints/step-{step:08d}"
    return {
        "checkpoints/run.json": b"{}",
        f"{folder}/state.safetensors": tensors,
        f"{folder}/state.json": json.dumps({"step": step, "sha256": digest}).encode(),
    }


def until(reached: Callable[[], object], seconds: float = 60) -> None:
    """Waits for something that will be so."""
    deadline = time.monotonic() + seconds
    while not reached():
        assert time.monotonic() < deadline, "it did not come to that"
        time.sleep(0.01)
