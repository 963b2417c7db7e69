"""Starts, watches and stops the workers of runs on rented machines, and checks before the studio starts."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace

from app.backbones.registry import Backbones
from app.jobs.executors import LocalExecutor
from app.jobs.local import runner_with, worker_variables
from app.jobs.rented.hub_jobs import HubAway, HubJobs, HubRefused
from app.jobs.runner import Runner
from app.settings import Settings
from lamp.errors import LampError
from storage.database import Database
from storage.home import Home
from storage.jobs import Job, JobStore, Worker


class RentedExecutor(LocalExecutor):
    """Starts a local process for each run, which rents a machine on the Hub and follows the run there.

    So a worker sends heartbeats and is stopped and killed like a local one. In addition, the slot of an ended run is
    free only when no machine is rented for it any more, also if its worker was killed before it could return the
    machine.
    """

    again_seconds = 5.0
    """Seconds between two attempts to return the machine of an ended run."""

    def __init__(
        self, home: Home, environment: Mapping[str, str], backbones: Backbones, store: JobStore, hub: HubJobs
    ) -> None:
        """environment: of the workers, with the token of the account that pays."""

        def needs_hub(job: Job) -> bool:
            return job.kind == "run" or not backbones.is_local(job.backbone)

        super().__init__(home, environment, (sys.executable, "-m", "app.jobs.rented.worker"), needs_hub)
        self._store, self._hub = store, hub
        self._answers: dict[str, bool | None] = {}
        """Run → whether the Hub has confirmed that no job of it is left; None while it is being asked."""

    def loss(self, worker: Worker) -> str:
        return "The rented machine was lost, or the process here that follows it: the end of the log says which."

    def stop(self, worker: Worker, force: bool) -> bool:
        gone = super().stop(worker, force)
        return gone and (not force or self._is_given_back(worker))

    def _is_given_back(self, worker: Worker) -> bool:
        """Returns whether nothing is rented for the worker's run; True while the run is in progress."""
        ended = [job for job in self._store.releasing_slots(self.host) if job.worker == worker]
        return all([self._is_free(job.id) for job in ended if job.kind == "run" and job.state.finished])

    def _is_free(self, run: str) -> bool:
        """Returns whether the Hub has confirmed that no job of a run is left; asks in a thread, so that the runner
        never waits."""
        if run not in self._answers:
            self._answers[run] = None
            threading.Thread(target=self._ask, args=(run,), name="give back", daemon=True).start()
        return self._answers[run] is not None and bool(self._answers.pop(run))

    def _ask(self, run: str) -> None:
        answer = False
        try:
            answer = self._hub.end_all(run)
        except (HubAway, HubRefused):
            pass
        finally:
            if not answer:
                time.sleep(self.again_seconds)
            self._answers[run] = answer


@dataclass(frozen=True)
class Rented:
    """The kind of machine that a studio rents, as the Hub described it when the studio started."""

    settings: Settings
    """The settings with the machine; one slot, unless STUDIO_SLOTS is set."""
    hub: HubJobs

    @classmethod
    def of(cls, settings: Settings, endpoint: str | None = None) -> Rented:
        """Looks up the machine of STUDIO_HF_JOBS. Raises LampError if runs cannot work there. endpoint: for tests."""
        if not settings.hf_jobs_token:
            raise LampError(
                "STUDIO_HF_JOBS rents machines on the Hub, for which STUDIO_HF_JOBS_TOKEN must be a token of the "
                "account that pays: it may write, and start jobs."
            )
        if settings.on_space and not settings.quotas.any:
            raise LampError(
                "Whoever signs in to this Space would rent machines at the expense of STUDIO_HF_JOBS_TOKEN's account: "
                "set limits for each person as well, such as STUDIO_QUOTA_RUNNING=1 and STUDIO_QUOTA_STEPS=500."
            )
        hub = HubJobs(settings.hf_jobs_token, endpoint)
        try:
            machines = {machine.flavor: machine for machine in hub.machines()}
            hub.end_all("none")  # tells whether the token may see jobs
        except (HubAway, HubRefused) as error:
            raise LampError(f"The studio cannot rent machines on the Hub: {error}") from None
        if settings.hf_jobs not in machines:
            raise LampError(
                f"STUDIO_HF_JOBS must be a flavor of the Hub's Jobs, not {settings.hf_jobs!r}: {', '.join(machines)}."
            )
        machine, slots = machines[settings.hf_jobs], settings.slots or 1
        gpus = min(machine.gpus, slots)
        return cls(replace(settings, slots=slots, cluster_gpus=gpus, rented=machine), hub)

    def runner(self, database: Database) -> Runner:
        """A runner that rents machines, not started yet."""
        settings, home = self.settings, Home(self.settings.work_home)
        variables = {**worker_variables(settings), "STUDIO_HF_JOBS_TOKEN": settings.hf_jobs_token}
        executor = RentedExecutor(home, variables, Backbones(settings), JobStore(database), self.hub)
        return runner_with(executor, [""] * (settings.slots or 1), settings, database)
