"""One run on a rented machine, as the studio sees it: sent there, followed, and what it made taken over."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TypeVar

from app.jobs.job_reporter import JobReporter
from app.jobs.rented import boot, results
from app.jobs.rented.ending import fault_of, outcome_of
from app.jobs.rented.exchange import Exchange
from app.jobs.rented.hub_jobs import HubAway, HubJob, HubJobs, HubRefused
from app.jobs.rented.parcel import pack
from app.jobs.rented.report import FOLDER, Report
from app.jobs.run_end import Outcome
from app.run import Run
from app.settings import Settings
from lamp.errors import LampError
from lamp.files import written_whole
from storage.artifacts import ArtifactStore
from storage.home import Home
from storage.jobs import Job
from storage.uploads import UploadStore

_T = TypeVar("_T")
REPORT_SECONDS = 60.0
"""Between two reports, each of which is a commit: the Hub takes only so many of them an hour."""
_LOOK_SECONDS = 5.0
"""Between two looks at what has come."""
_GIVE_BACK_SECONDS = 60.0
"""How long a job may take to end after its run has."""


class _Stopped(Exception):
    """The run should end, and has nothing to show yet."""


class Rental:
    """Made anew for each attempt at a run; the file `Home.rented` says which machine an earlier one has left."""

    def __init__(
        self,
        settings: Settings,
        hub: HubJobs,
        home: Home,
        uploads: UploadStore,
        artifacts: ArtifactStore,
        job: Job,
        reporter: JobReporter,
        report_seconds: float = REPORT_SECONDS,
        look_seconds: float = _LOOK_SECONDS,
    ) -> None:
        self._settings, self._hub, self._home, self._uploads, self._artifacts = settings, hub, home, uploads, artifacts
        self._run, self._job, self._reporter = job.id, job, reporter
        self._report_seconds, self._look_seconds = report_seconds, look_seconds
        self._record = home.rented(job.id)
        self._last = ""
        """The name of the last report that was taken over; the names of later ones come after it."""
        self._lines = 0
        """How many lines of the run's log there were taken over."""
        self._newest: Report | None = None
        self._asked_to_stop = False

    def outcome(self) -> Outcome:
        """Rents, unless a machine is rented already, and follows the run to its end.

        Raises LampError, StorageError; WorkerLost when the machine is gone and the run is not finished.
        """
        exchange: Exchange | None = None
        try:
            id, exchange = self._left_behind() or (None, None)
            if id is None or exchange is None:
                id, exchange = self._until_answered(self._start, stoppable=True)
            outcome = self._follow(id, exchange)
        except _Stopped:
            outcome = Outcome(True, self._reporter.step, {}, has_prompt=False)
        except BaseException:
            self._give_back(exchange)
            raise
        if not self._reporter.is_ended_by_system:  # else the next attempt goes on from here
            self._give_back(exchange)
        return outcome

    def _left_behind(self) -> tuple[str, Exchange] | None:
        """The machine of an earlier attempt, whose run was not asked to stop meanwhile."""
        try:
            told = json.loads(self._record.read_text())
            id, exchange = str(told["job"]), Exchange(self._hub.api, str(told["repository"]))
            self._lines = int(told["lines"])
        except (OSError, ValueError, KeyError, TypeError):
            return None
        try:
            self._until_answered(exchange.revision)
            if not self._until_answered(exchange.is_stop_asked):
                self._reporter.note(f"Goes on to follow the job {id} on the Hub.")
                return id, exchange
        except HubRefused:  # somebody has deleted it there
            pass
        self._forget(exchange)
        return None

    def _start(self) -> tuple[str, Exchange]:
        """Sends the run and rents a machine. What another try may have left is ended first."""
        while not self._hub.end_all(self._run):
            self._pause(self._look_seconds)
        self._reporter.phase("Sending the run to the Hub")
        parcel = pack(Run.of(self._job), self._home, self._uploads, self._artifacts)
        exchange = Exchange.create(self._hub.api, self._hub.account, self._run)
        try:
            revision = exchange.send("The run", parcel)
            self._check_stop()
            program = Path(boot.__file__).read_text()
            job = self._hub.start(
                self._run,
                ["python", "-c", program, exchange.repository, revision, f"{self._report_seconds:g}"],
                image=self._settings.hf_jobs_image,
                flavor=self._settings.hf_jobs,
                hours=self._settings.hf_jobs_hours,
            )
            self._lines = 0
            self._remember(job.id, exchange)
        except BaseException:
            self._forget(exchange)
            raise
        self._reporter.note(f"Rented {self._settings.hf_jobs} on the Hub: {job.url}")
        return job.id, exchange

    def _follow(self, id: str, exchange: Exchange) -> Outcome:
        """Until the run or its job has ended."""
        with TemporaryDirectory() as cache:
            while True:
                job = self._until_answered(lambda: self._hub.job(id))
                self._until_answered(lambda: self._take_over(id, exchange, Path(cache)))
                newest = self._newest
                if newest is not None and newest.state.finished:
                    self._wait_for_end(id)
                    return outcome_of(newest)
                if job.has_ended:
                    self._quote_end(id)
                    raise fault_of(job, began=newest is not None)
                if newest is None:
                    waiting = "Waiting for a machine on the Hub" if job.is_waiting else "Getting the machine ready"
                    self._reporter.relay(self._job.step, waiting, ())
                if self._reporter.should_stop():
                    self._pass_on_stop(job, exchange)
                self._pause(self._look_seconds, until_stop=True)

    def _take_over(self, id: str, exchange: Exchange, cache: Path) -> None:
        """Everything that has come since the last time."""
        try:
            sent = exchange.fetch("out", exchange.revision(), cache)
        except HubRefused as error:
            raise LampError(f"What the run makes cannot be read on the Hub ({exchange.repository}): {error}") from None
        new = [file for file in sorted((sent / FOLDER).glob("*.json")) if file.name > self._last]
        if not new:
            return
        results.keep_checkpoints(sent / "checkpoints", self._home, self._run)
        for file in new:
            report = Report.from_json(file.read_bytes())
            for line in report.lines[max(0, self._lines - report.first_line) :]:
                self._reporter.quote(line)
            self._lines = max(self._lines, report.first_line + len(report.lines))
            self._reporter.relay(report.step, report.phase, report.values)
            self._newest, self._last = report, file.name
        results.keep_answers(sent / "kept", self._home, self._run)
        if report.state.finished and report.has_prompt:
            results.publish_prompt(sent / "prompt", self._home, self._artifacts, self._run)
        self._remember(id, exchange)

    def _pass_on_stop(self, job: HubJob, exchange: Exchange) -> None:
        """The job hears of the stop; one that has no machine yet is ended."""
        if job.is_waiting:
            raise _Stopped
        if not self._asked_to_stop:
            self._until_answered(exchange.ask_to_stop)
            self._asked_to_stop = True

    def _quote_end(self, id: str) -> None:
        """Has the run's log end with what its job wrote last."""
        with suppress(HubAway, HubRefused):
            for line in self._hub.last_lines(id):
                self._reporter.quote(f"| {line}")

    def _wait_for_end(self, id: str) -> None:
        """Lets the job end by itself, so that the Hub shows it as completed."""
        deadline = time.monotonic() + _GIVE_BACK_SECONDS
        with suppress(HubAway, HubRefused):
            while not (job := self._hub.job(id)).has_ended and time.monotonic() < deadline:
                time.sleep(min(1.0, self._look_seconds))
            self._reporter.note(f"The machine was rented for {job.seconds / 60:.1f} minutes.")

    def _give_back(self, exchange: Exchange | None) -> None:
        """Ends what is still rented for the run. Where the Hub does not answer, the executor asks again."""
        with suppress(HubAway, HubRefused):
            self._hub.end_all(self._run)
        if exchange is not None:
            self._forget(exchange)

    def _forget(self, exchange: Exchange) -> None:
        self._record.unlink(missing_ok=True)
        try:
            exchange.delete()
        except (HubAway, HubRefused) as error:
            self._reporter.note(f"{error} The data set {exchange.repository} is still on the Hub: delete it there.")

    def _remember(self, id: str, exchange: Exchange) -> None:
        with written_whole(self._record) as staged:
            staged.write_text(json.dumps({"job": id, "repository": exchange.repository, "lines": self._lines}))

    def _until_answered(self, action: Callable[[], _T], *, stoppable: bool = False) -> _T:
        """What an action returns; tried until the Hub answers.

        stoppable: whether a stop ends the tries. Raises _Stopped then.
        """
        told = False
        while True:
            try:
                return action()
            except HubAway as error:
                if not told:
                    self._reporter.note(f"{error} It is tried again.")
                told = True
            self._pause(2 * self._look_seconds)
            if stoppable:
                self._check_stop()

    def _check_stop(self) -> None:
        """Raises _Stopped when the run should end."""
        if self._reporter.should_stop():
            raise _Stopped

    def _pause(self, seconds: float, *, until_stop: bool = False) -> None:
        """Waits. Raises _Stopped when the system ends this process.

        until_stop: whether a stop that the job does not know of ends the waiting.
        """
        deadline = time.monotonic() + seconds
        while not self._reporter.is_ended_by_system:
            stop_is_new = until_stop and not self._asked_to_stop and self._reporter.should_stop()
            if stop_is_new or time.monotonic() >= deadline:
                return
            time.sleep(min(0.2, seconds))
        raise _Stopped
