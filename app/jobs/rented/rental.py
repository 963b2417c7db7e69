"""One run on a rented machine, as the studio sees it: uploads it, follows it, and takes over its results."""

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
"""Seconds between two reports, each of which is a commit: the Hub limits commits per hour."""
_LOOK_SECONDS = 5.0
"""Seconds between two checks for a new report."""
_GIVE_BACK_SECONDS = 60.0
"""Time for a job to end after its run has ended."""


class _Stopped(Exception):
    """The run should end, and has no result yet."""


class Rental:
    """One attempt at a run; the file `Home.rented` names the machine that an earlier attempt has left."""

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
        """Name of the last report that was taken over; later reports have later names."""
        self._lines = 0
        """Number of lines of the run's log that were taken over."""
        self._newest: Report | None = None
        self._asked_to_stop = False

    def outcome(self) -> Outcome:
        """Rents a machine, unless one is rented already, and follows the run to its end.

        Raises LampError, StorageError; WorkerLost if the machine is lost before the run is finished.
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
        """Returns the machine of an earlier attempt, if its run was not asked to stop meanwhile."""
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
        """Uploads the run and rents a machine, after ending what another attempt may have left."""
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
        """Takes over reports until the run or its job has ended."""
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
        """Takes over every report that has come since the last call."""
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
        """Tells the job of the stop; a job that has no machine yet is cancelled."""
        if job.is_waiting:
            raise _Stopped
        if not self._asked_to_stop:
            self._until_answered(exchange.ask_to_stop)
            self._asked_to_stop = True

    def _quote_end(self, id: str) -> None:
        """Copies the last lines of the job's output into the run's log."""
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
        """Cancels what is still rented for the run. If the Hub does not answer, the executor tries again."""
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
        """Repeats an action until the Hub answers, and returns its result.

        stoppable: whether a stop ends the attempts, with _Stopped.
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
        """Raises _Stopped if the run should end."""
        if self._reporter.should_stop():
            raise _Stopped

    def _pause(self, seconds: float, *, until_stop: bool = False) -> None:
        """Waits. Raises _Stopped if the system ends this process.

        until_stop: whether a stop that the job does not know of ends the waiting.
        """
        deadline = time.monotonic() + seconds
        while not self._reporter.is_ended_by_system:
            stop_is_new = until_stop and not self._asked_to_stop and self._reporter.should_stop()
            if stop_is_new or time.monotonic() >= deadline:
                return
            time.sleep(min(0.2, seconds))
        raise _Stopped
