"""One run in one process: `python -m app.jobs.worker JOB_ID [ATTEMPT]`, with STUDIO_HOME and DATABASE_URL set."""

from __future__ import annotations

import errno
import os
import signal
import sys
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from app.jobs.distributed import Crew
from app.jobs.job_reporter import JobReporter, Pulse, say
from app.jobs.journal import Journal
from app.jobs.processes import this_process
from app.jobs.tuning import train_job
from app.settings import Settings
from lamp.config import TuneConfig
from lamp.errors import LampError
from lamp.inference.scores import merge_scores
from lamp.process import prepare_process
from storage.artifacts import ArtifactStore
from storage.database import open_database
from storage.errors import StorageError
from storage.home import Home
from storage.jobs import Job, JobState, JobStore
from storage.uploads import UploadStore

_NOT_MINE = 3
_TOLD_TO_END = 128 + signal.SIGTERM


class StopNow(BaseException):
    """The second, stronger request to end: leaves whatever the training is doing."""


@dataclass(frozen=True)
class Outcome:
    """How a run's work ended."""

    stopped: bool
    step: int
    scores: dict[str, float]
    failure: str = ""
    """Why it could not go on, in one sentence; its best prompt was published nevertheless"""


Work = Callable[[Job, JobReporter, ArtifactStore], Outcome]
"""Trains and publishes: the run, whom to report to, where to publish."""


def tune(
    settings: Settings, uploads: UploadStore, job: Job, reporter: JobReporter, artifacts: ArtifactStore
) -> Outcome:
    """The work of a real run. Raises LampError, StorageError."""
    with Crew(job):
        result = train_job(settings, uploads, artifacts, job, reporter)
    from lamp.export.saved_prompt import save_prompt

    reporter.phase("Writing the prompt")
    with artifacts.stage(job.id) as staged:
        save_prompt(result, TuneConfig.from_dict(job.config), staged)
    return Outcome(result.stopped, result.step, merge_scores(result.scores, result.untrained_scores), result.failure)


def run(job_id: str, attempt: int | None, settings: Settings, work: Work | None = None) -> int:
    """Takes the run in hand, does its work and records how it ended; the process's exit status."""
    database = open_database(settings.database_url)
    store, home, me = JobStore(database), Home(settings.home), this_process()
    job = store.get(job_id)
    mine = job.attempts if attempt is None else attempt
    if not store.started(job_id, mine, me):
        say(f"The run {job_id} is not waiting for this worker.")
        return _NOT_MINE
    journal = Journal(home.checkpoints(job_id) / "journal.jsonl")
    pulse = Pulse(store, job_id, mine, home.log(job_id), journal, step=job.step)
    reporter = JobReporter(pulse)
    told_to_end = _listen(pulse)
    pulse.start()
    chosen = work or partial(tune, settings, UploadStore(database, home.uploads))
    end = partial(store.finish, job_id, attempt=mine)
    try:
        outcome = chosen(job, reporter, ArtifactStore(home.artifacts))
    except StopNow:
        reporter.note("Ended at once, as was asked; the last checkpoint stays.")
        pulse.end(
            lambda: end(state=JobState.STOPPED, reason="Stopped before the prompt was exported.", step=pulse.step)
        )
        return 0
    except Exception as error:
        sentence = _sentence(error)
        if not isinstance(error, LampError | StorageError):
            reporter.note(traceback.format_exc())
        reporter.note(sentence)
        pulse.end(lambda: end(state=JobState.FAILED, error=sentence, step=pulse.step))
        return 1
    if outcome.failure:
        reporter.note(outcome.failure)
        pulse.end(
            lambda: end(
                state=JobState.FAILED, error=outcome.failure, scores=outcome.scores, artifact=job_id, step=outcome.step
            )
        )
        return 1
    state, reason = JobState.DONE, "Done."
    if outcome.stopped:
        if told_to_end() and not pulse.stop_asked:
            reporter.note(f"The system ended this worker after step {outcome.step}, and nobody asked the run to stop.")
            pulse.beat()
            return _TOLD_TO_END  # without another word: the next runner finds the run interrupted, and resumes it
        state, reason = JobState.STOPPED, f"Stopped after step {outcome.step}; the best prompt so far was exported."
    reporter.note(reason)
    pulse.end(lambda: end(state=state, reason=reason, scores=outcome.scores, artifact=job_id, step=outcome.step))
    return 0


def _listen(pulse: Pulse) -> Callable[[], bool]:
    """Takes SIGTERM for a request to stop, and for StopNow when a stop was already asked for."""
    heard = []

    def on_terminate(number: int, frame: object) -> None:
        heard.append(number)
        if pulse.stop_asked:
            raise StopNow
        pulse.stop_requested.set()

    signal.signal(signal.SIGTERM, on_terminate)
    return lambda: bool(heard)


def _sentence(error: Exception) -> str:
    if isinstance(error, LampError | StorageError):
        return str(error)
    full = (os.strerror(errno.ENOSPC), os.strerror(errno.EDQUOT))
    if any(reason in str(error) for reason in full):  # not every library says so with an OSError
        return "The disk is full: free some space, then resume the run from its last checkpoint."
    first = (str(error).strip().splitlines() or [""])[0][:200]
    return f"The run ended with an unexpected {type(error).__name__}{': ' + first if first else ''}; the log says more."


def main(arguments: list[str]) -> int:
    """Exit status: 0 when the run ended as it should, 1 when it failed, 3 when it was not this worker's."""
    prepare_process()
    if len(arguments) not in (1, 2):
        print("Usage: python -m app.jobs.worker JOB_ID [ATTEMPT]", file=sys.stderr)
        return 2
    try:
        return run(arguments[0], int(arguments[1]) if arguments[1:] else None, Settings.from_environment())
    except (StorageError, LampError) as error:
        print(error, file=sys.stderr, flush=True)
        return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
