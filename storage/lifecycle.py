"""The lifecycle of a run after it was claimed: its worker's heartbeats, its end, and resuming it."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping

from sqlalchemy import or_, select, update

from storage import metrics
from storage.database import utc_now
from storage.errors import WrongState
from storage.job_rows import JobRows, change_state, held_by, next_ticket
from storage.quota import check_waiting
from storage.records import Job, Worker, job_of
from storage.states import JobState
from storage.tables import JobRow

_REASONS = {
    JobState.DONE: "Done.",
    JobState.STOPPED: "Stopped.",
    JobState.FAILED: "Failed.",
    JobState.INTERRUPTED: "Its worker vanished.",
}


class JobLifecycle(JobRows):
    """Changes the state of claimed runs: from the start of the worker to the end, and back to the queue."""

    def started(self, id: str, attempt: int, worker: Worker) -> bool:
        """Records the worker's process.

        Returns False if the run has another worker, has ended, or is in a later attempt.
        """
        with self.database.write() as session:
            free = or_(JobRow.process.is_(None), JobRow.process == worker.process)
            return (
                session.scalar(
                    update(JobRow)
                    .where(held_by(id, attempt), free)
                    .values(host=worker.host, pid=worker.pid, process=worker.process)
                    .returning(JobRow.number)
                )
                is not None
            )

    def heartbeat(
        self,
        id: str,
        step: int,
        phase: str,
        values: Iterable[metrics.Value] = (),
        attempt: int | None = None,
        stop_heard: bool = False,
    ) -> JobState | None:
        """Records that the worker is alive, with the metrics since the last heartbeat, in one commit.

        stop_heard: whether the worker knows of the stop and is writing its checkpoint and its prompt. Returns the
        state, so that the worker learns of a stop; None if the run is no longer this attempt's.
        """
        with self.database.write() as session:
            updated = session.execute(
                update(JobRow)
                .where(held_by(id, attempt))
                .values(
                    step=step,
                    phase=phase,
                    stop_heard=stop_heard,
                    heartbeat_at=utc_now(),
                    beats=JobRow.beats + 1,
                )
                .returning(JobRow.number, JobRow.state)
            ).one_or_none()
            if updated is None:
                return None
            metrics.record(session, updated.number, values)
            return JobState(updated.state)

    def request_stop(self, id: str) -> Job:
        """Asks a running run to stop, ends a queued one; an ended one stays as it is. Raises JobNotFound."""
        with self.database.write() as session:
            row = self._row(session, id)
            ended = change_state(
                session,
                (JobRow.id == id) & (JobRow.state == JobState.QUEUED),
                JobState.STOPPED,
                "Stopped before it was started.",
                finished_at=utc_now(),
                phase="",
            )
            if ended is None:
                change_state(session, JobRow.id == id, JobState.STOPPING, "Stop was asked for.")
            session.refresh(row)
            job = job_of(row)
        if ended is not None:
            self._on_end(job)
        return job

    def finish(
        self,
        id: str,
        state: JobState,
        *,
        reason: str = "",
        scores: Mapping[str, float] | None = None,
        error: str | None = None,
        artifact: str | None = None,
        step: int | None = None,
        attempt: int | None = None,
    ) -> bool:
        """Ends a run; False if it had already ended or is in a later attempt: the first end is final.

        Its slots stay taken until `release`, because a process that has reported its end may still hold its memory.
        Scores that are not finite are left out, because JSON cannot hold them.
        """
        finite = {name: value for name, value in scores.items() if math.isfinite(value)} if scores is not None else None
        given = {"scores": finite, "artifact": artifact, "step": step}
        with self.database.write() as session:
            number = change_state(
                session,
                held_by(id, attempt),
                state,
                reason or error or _REASONS[state],
                error=error,
                finished_at=utc_now(),
                phase="",
                **{name: value for name, value in given.items() if value is not None},
            )
            job = job_of(session.get_one(JobRow, number, populate_existing=True)) if number is not None else None
        if job is not None:
            self._on_end(job)
        return job is not None

    def mark_lost(self, id: str, attempt: int, reason: str, resumes: int = 0) -> Job | None:
        """Ends a run whose worker is gone: STOPPED if a stop was asked for, else INTERRUPTED.

        An interrupted run goes back to the queue in the same commit, unless it already did so `resumes` times in a row.
        Returns None if the run had ended after all, or is in a later attempt.
        """
        with self.database.write() as session:
            ended = {"finished_at": utc_now(), "phase": ""}
            mine = held_by(id, attempt)
            stopping = mine & (JobRow.state == JobState.STOPPING)
            if change_state(session, stopping, JobState.STOPPED, reason, **ended) is None:
                if change_state(session, mine, JobState.INTERRUPTED, reason, error=reason, **ended) is None:
                    return None
                change_state(
                    session,
                    (JobRow.id == id) & (JobRow.resumes < resumes),
                    JobState.QUEUED,
                    "Resumed by the studio.",
                    ticket=next_ticket(session),
                    finished_at=None,
                    error=None,
                    resumes=JobRow.resumes + 1,
                )
            job = job_of(
                session.scalars(select(JobRow).where(JobRow.id == id).execution_options(populate_existing=True)).one()
            )
        if job.state.finished:
            self._on_end(job)
        return job

    def resume(self, id: str) -> Job:
        """Queues an ended run again, to continue from its last checkpoint.

        Raises WrongState, JobNotFound, OverQuota.
        """
        with self.database.write() as session:
            row = self._row(session, id)
            check_waiting(session, self.owner)
            if (
                change_state(
                    session,
                    (JobRow.id == id) & JobRow.deleted_at.is_(None),
                    JobState.QUEUED,
                    "Resumed.",
                    ticket=next_ticket(session),
                    finished_at=None,
                    error=None,
                    resumes=0,
                )
                is None
            ):
                why = "was deleted" if row.deleted_at is not None else f"is {row.state}"
                raise WrongState(f"The run {row.name!r} cannot be resumed because it {why}.")
            session.refresh(row)
            return job_of(row)
