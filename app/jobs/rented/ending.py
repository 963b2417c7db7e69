"""Interprets the end of a rented run, or of its job."""

from __future__ import annotations

from app.jobs.rented.hub_jobs import HubJob
from app.jobs.rented.report import Report
from app.jobs.run_end import Outcome
from app.jobs.worker import WorkerLost
from lamp.errors import LampError
from storage.states import JobState


def outcome_of(report: Report) -> Outcome:
    """Returns the outcome of a run that has ended on its machine. Raises LampError for a failure; WorkerLost."""
    if report.state is JobState.INTERRUPTED:
        raise WorkerLost(f"On the rented machine: {report.error or 'its worker vanished.'}")
    failure = report.error or "" if report.state is JobState.FAILED else ""
    if failure and not report.has_prompt:
        raise LampError(failure)
    stopped = report.state is JobState.STOPPED
    return Outcome(stopped, report.step, report.scores, failure, has_prompt=report.has_prompt)


def fault_of(job: HubJob, *, began: bool) -> LampError | WorkerLost:
    """Returns the error of a job that ended before its run did. began: whether the machine has reported anything.

    WorkerLost is for machines that were lost: another one is rented. It is LampError if somebody ended the job on the
    Hub, or if the next machine would fail in the same way.
    """
    said = f" The Hub says: {job.message}" if job.message else ""
    if job.stage in ("CANCELED", "DELETED"):
        return LampError(
            f"The job was ended on the Hub before the run was finished.{said} Resume the run to go on from its last "
            "checkpoint."
        )
    if not began:
        return LampError(f"The rented machine could not begin the run; the log has its last lines.{said}")
    return WorkerLost(f"The rented machine is gone before the run was finished.{said}")
