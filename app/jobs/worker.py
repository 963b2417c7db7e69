"""One run, or the comparison of one with other ways, in one process.

`python -m app.jobs.worker JOB_ID [ATTEMPT [HOST NAME]]`. STUDIO_HOME and DATABASE_URL are set.
HOST and NAME: the cluster that started it, and what it is called there.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
import traceback
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING

from app.backbones.registry import Backbones
from app.data.datasets import Datasets, sources_of
from app.jobs import webhook
from app.jobs.carrier import END_SECONDS, Carrier, carrier_of
from app.jobs.comparing import compare_job
from app.jobs.distributed import DistributedRun
from app.jobs.fetching import fetch_backbone
from app.jobs.heartbeat import EXIT_LOST, Heartbeat
from app.jobs.job_reporter import JobReporter
from app.jobs.journal import Journal
from app.jobs.log import log_line, log_lines
from app.jobs.run_end import Outcome, RunEnd, end_after_error, end_after_work, end_at_once
from app.jobs.tracking import Tracking
from app.jobs.tuning import train_job
from app.processes.child_memory import be_ended_first
from app.processes.identity import this_process
from app.run import Run
from app.settings import Settings
from lamp.errors import LampError
from lamp.files import written_whole
from lamp.hub.cached import commit_of
from lamp.process import prepare_process
from storage.artifacts import ArtifactStore
from storage.database import open_database
from storage.errors import StorageError
from storage.home import Home
from storage.jobs import Job, JobStore, Worker
from storage.owners import Owner
from storage.uploads import UploadStore

if TYPE_CHECKING:
    from lamp.training.result import TrainResult

_EXIT_NOT_MINE = 3
_WEBHOOK_SECONDS = 10.0
"""How long the process stays for the webhook's answer once its run has ended."""
_EXIT_TERMINATED = 128 + signal.SIGTERM


class WorkerLost(Exception):
    """Raised by work that goes on elsewhere and has vanished there: the runner resumes the run."""


class StopNow(BaseException):
    """Raised in the main thread by a SIGTERM that follows a stop: the training ends wherever it is."""


Work = Callable[[Job, JobReporter, ArtifactStore], Outcome]
"""Trains and publishes: the run, whom to report to, where to publish."""


def tune(
    settings: Settings, uploads: UploadStore, job: Job, reporter: JobReporter, artifacts: ArtifactStore
) -> Outcome:
    """The work of a real run. Raises LampError, StorageError."""
    run = Run.of(job)
    if not fetch_backbone(Backbones(settings), run.config.backbone, reporter):
        return Outcome(True, job.step, {}, has_prompt=False)
    with DistributedRun(job):
        result = train_job(settings, uploads, artifacts, run, reporter)
    from lamp.export.saved_prompt import save_prompt

    reporter.phase("Writing the prompt")
    with artifacts.stage(job.id) as staged:
        sources = sources_of(Datasets(uploads), run.config, job.dataset)
        save_prompt(result, run.config, staged, sources, commit_of(Backbones(settings).source(run.config.backbone)))
    try:
        _keep_what_is_shown(result, Home(settings.work_home), job.id)
    except OSError as error:  # such as a full disk: the prompt is there, and the run has not failed
        reporter.note(f"The answers to the held-out rows, and what the prompt is made of, were not kept: {error}")
    return Outcome(result.stopped, result.step, result.final.merged(), result.failure)


def compare(
    settings: Settings, store: JobStore, uploads: UploadStore, job: Job, reporter: JobReporter, _: ArtifactStore
) -> Outcome:
    """The work of a comparison, which has no prompt of its own. Raises LampError, StorageError."""
    finished = compare_job(settings, store, uploads, job, reporter)
    return Outcome(not finished, reporter.step, {}, has_prompt=False)


def _keep_what_is_shown(result: TrainResult, home: Home, id: str) -> None:
    """Writes what the run's page shows of a prompt, in place of what it showed of the one before a resume.

    It lies beside the prompt and not in it: answers quote people's rows, and prompts are published. Raises OSError.
    """
    from lamp.inference.answers import write_answers
    from lamp.inference.inspection import write_inspection

    for old in (home.answers(id), home.inspection(id), home.token_weights(id)):
        old.unlink(missing_ok=True)
    with written_whole(home.answers(id)) as staged:
        write_answers(result.final.answers, staged)
    if result.inspection is not None:
        with written_whole(home.inspection(id)) as staged:
            write_inspection(result.inspection, staged)


def run(
    job_id: str, attempt: int | None, settings: Settings, work: Work | None = None, worker: Worker | None = None
) -> int:
    """Takes over a claimed run, does its work and records how it ended. Returns the exit status of the process.

    worker: as whom; by default as this process of this machine.
    """
    database = open_database(settings.database_url)
    on_end = webhook.on_end(settings, log_line, wait_seconds=_WEBHOOK_SECONDS)
    store, home = JobStore(database, on_end), Home(settings.work_home)
    job = store.get(job_id)
    attempt = job.attempts if attempt is None else attempt
    if not store.started(job_id, attempt, worker or this_process()):
        log_line(f"The run {job_id} is not waiting for this worker.")
        return _EXIT_NOT_MINE
    uploads = UploadStore(database, home.uploads, Owner(job.owner))
    if work is None:
        work = (
            partial(compare, settings, store, uploads) if job.kind == "comparison" else partial(tune, settings, uploads)
        )
    carrier = carrier_of(settings, job, store)
    try:
        carrier.begin()
    except (StorageError, OSError) as error:
        end = end_after_error(error, job.step)
        log_line(end.sentence)
        store.finish(job_id, end.state, attempt=attempt, **end.values)
        return end.exit_status
    journal = Journal(home.checkpoints(job_id) / "journal.jsonl")
    heartbeat = Heartbeat(store, job_id, attempt, home.log(job_id), journal, step=job.step)
    terminated = _handle_sigterm(heartbeat)
    heartbeat.start()
    ended = _do(work, job, settings, home, heartbeat, terminated, carrier)
    if isinstance(ended, int):  # no end is recorded: the runner marks the run as interrupted and resumes it
        heartbeat.beat()
        with suppress(StorageError, OSError):
            carrier.end(0)
        return ended
    log_line(ended.sentence)
    if settings.files:
        heartbeat.phase = "Storing the files"
    try:
        carrier.end(END_SECONDS)
    except StopNow:
        ended = end_at_once(heartbeat.step)
    except (StorageError, OSError) as error:
        ended = end_after_error(error, heartbeat.step)
        log_line(ended.sentence)
    heartbeat.end(lambda: store.finish(job_id, ended.state, attempt=attempt, **ended.values))
    carrier.clear()
    return ended.exit_status


def _do(
    work: Work,
    job: Job,
    settings: Settings,
    home: Home,
    heartbeat: Heartbeat,
    terminated: threading.Event,
    carrier: Carrier,
) -> RunEnd | int:
    """Does the work of a run. Returns how it ended, or the exit status where it is to be resumed."""
    try:
        carrier.bring_inputs()
        with Tracking(settings, job, log_line) as tracking:
            reporter = JobReporter(heartbeat, tracking, home.samples(job.id))
            outcome = work(job, reporter, ArtifactStore(home.artifacts))
    except WorkerLost as lost:
        log_line(str(lost))
        return EXIT_LOST
    except StopNow:
        return end_at_once(heartbeat.step)
    except Exception as error:
        if not isinstance(error, LampError | StorageError):
            log_lines(traceback.format_exc())
        return end_after_error(error, heartbeat.step)
    if outcome.stopped and not outcome.failure and terminated.is_set() and not heartbeat.stop_by_user:
        log_line(f"The system ended this worker after step {outcome.step}, and nobody asked the run to stop.")
        return _EXIT_TERMINATED
    return end_after_work(job.id, outcome)


def _handle_sigterm(heartbeat: Heartbeat) -> threading.Event:
    """Makes SIGTERM a request to stop, or StopNow when a person asked for a stop before.

    Returns an event that is set when SIGTERM has come.
    """
    terminated = threading.Event()

    def on_sigterm(number: int, frame: object) -> None:
        terminated.set()
        if heartbeat.stop_by_user:
            raise StopNow
        heartbeat.stop_requested.set()

    signal.signal(signal.SIGTERM, on_sigterm)
    return terminated


def main(arguments: list[str]) -> int:
    """Exit status: 0 when the run ended as it should, 1 when it failed, 3 when it belongs to another worker."""
    prepare_process()
    if len(arguments) not in (1, 2, 4):
        print("Usage: python -m app.jobs.worker JOB_ID [ATTEMPT [HOST NAME]]", file=sys.stderr)
        return 2
    be_ended_first(holds_work=True)
    try:
        attempt = int(arguments[1]) if arguments[1:] else None
        worker = Worker(arguments[2], os.getpid(), arguments[3]) if arguments[2:] else None
        return run(arguments[0], attempt, Settings.from_environment(), worker=worker)
    except (StorageError, LampError) as error:
        print(error, file=sys.stderr, flush=True)
        return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
