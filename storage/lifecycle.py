"""The life of a run: every change of state is one conditional update, made in `_change` and nowhere else."""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement, delete, func, or_, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from storage import metrics
from storage.database import Database, utc_now
from storage.errors import JobNotFound, WrongState
from storage.queue import Waiting, in_turn
from storage.records import Job, Worker, job_of
from storage.states import JobState, before
from storage.tables import EventRow, JobRow, SlotRow


def new_id() -> str:
    """A short random name that is safe in an address and in a path."""
    return secrets.token_hex(5)


class JobLife:
    """From QUEUED to the end and, when it is resumed, on from there."""

    def __init__(self, database: Database) -> None:
        self.database = database

    def get(self, id: str) -> Job:
        """The run as it stands. Raises JobNotFound."""
        with self.database.read() as session:
            return job_of(_row(session, id))

    def add(
        self,
        name: str,
        config: Mapping[str, Any],
        dataset: str,
        dataset_name: str,
        steps: int,
        *,
        owner: str = "",
        parent: str | None = None,
        priority: int = 0,
        gpus: int = 1,
        id: str = "",
        tags: Sequence[str] = (),
        note: str = "",
        curves_of: str | None = None,
    ) -> Job:
        """Queues a new run; `curves_of` names a run whose metrics it starts with (it goes on from there)."""
        with self.database.write() as session:
            row = JobRow(
                id=id or new_id(),
                name=name,
                state=JobState.QUEUED,
                config=dict(config),
                backbone=str(config.get("backbone", "")),
                dataset=dataset,
                dataset_name=dataset_name,
                steps=steps,
                owner=owner,
                parent=parent,
                priority=priority,
                gpus=gpus,
                tags=list(tags),
                note=note,
                ticket=_next_ticket(session),
                created_at=utc_now(),
            )
            session.add(row)
            session.flush()
            session.add(EventRow(job=row.number, at=utc_now(), state=row.state, reason="Queued."))
            if curves_of is not None:
                metrics.copy(session, _row(session, curves_of).number, row.number)
            return job_of(row)

    def claim(self, host: str, slots: Sequence[int]) -> Job | None:
        """Takes the next run in turn for `host`, whose slots are `slots`; None when nothing can start.

        A run that needs more slots than are free waits at the head rather than be overtaken for ever; one that
        needs more than the host has is left to another host.
        """
        if not self.queue():
            return None
        try:
            with self.database.write() as session:
                taken = set(session.scalars(select(SlotRow.slot).where(SlotRow.host == host)))
                free = [slot for slot in slots if slot not in taken]
                for one in _queue(session):
                    if one.gpus > len(slots):
                        continue
                    if one.gpus > len(free):
                        return None
                    chosen = free[: one.gpus]
                    number = self._change(
                        session,
                        JobRow.number == one.number,
                        JobState.RUNNING,
                        f"Started on {host}.",
                        attempts=JobRow.attempts + 1,
                        host=host,
                        pid=None,
                        process=None,
                        slots=chosen,
                        beats=0,
                        stop_heard=False,
                        phase="Starting",
                        error=None,
                        started_at=utc_now(),
                        finished_at=None,
                        heartbeat_at=None,
                    )
                    if number is not None:
                        session.add_all(SlotRow(host=host, slot=slot, job=number) for slot in chosen)
                        session.flush()
                        return job_of(session.get_one(JobRow, number, populate_existing=True))
        except IntegrityError:  # another studio took one of the slots in the same moment
            pass
        return None

    def started(self, id: str, attempt: int, worker: Worker) -> bool:
        """Notes which process has the run in hand; False when another one has, or it is over."""
        with self.database.write() as session:
            free = or_(JobRow.process.is_(None), JobRow.process == worker.process)
            return (
                session.scalar(
                    update(JobRow)
                    .where(_held(id, attempt), free)
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
        """A sign of life with the metrics since the last one, all in one commit.

        stop_heard: the worker knows of the stop and is putting its things in order.
        Returns the state, so that the worker learns of a stop; None when the run is no longer this attempt's.
        """
        with self.database.write() as session:
            found = session.execute(
                update(JobRow)
                .where(_held(id, attempt))
                .values(
                    step=step,
                    phase=phase,
                    stop_heard=stop_heard,
                    heartbeat_at=utc_now(),
                    beats=JobRow.beats + 1,
                )
                .returning(JobRow.number, JobRow.state)
            ).one_or_none()
            if found is None:
                return None
            metrics.record(session, found[0], values)
            return JobState(found[1])

    def request_stop(self, id: str, reason: str = "Stop was asked for.") -> Job:
        """Asks a running run to end, ends a queued one; an ended one stays as it is. Raises JobNotFound."""
        with self.database.write() as session:
            row = _row(session, id)
            if (
                self._change(
                    session,
                    (JobRow.id == id) & (JobRow.state == JobState.QUEUED),
                    JobState.STOPPED,
                    "Stopped before it was started.",
                    finished_at=utc_now(),
                    phase="",
                )
                is None
            ):
                self._change(session, JobRow.id == id, JobState.STOPPING, reason)
            session.refresh(row)
            return job_of(row)

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
        """Ends a run; False when it had ended already or is a later attempt's: the first end stands.

        Its slots stay taken until `release`: a process that has reported its end may still hold its memory.
        """
        given = {"scores": dict(scores) if scores is not None else None, "artifact": artifact, "step": step}
        with self.database.write() as session:
            return (
                self._change(
                    session,
                    _held(id, attempt),
                    state,
                    reason or error or _REASONS[state],
                    error=error,
                    finished_at=utc_now(),
                    phase="",
                    **{name: value for name, value in given.items() if value is not None},
                )
                is not None
            )

    def vanished(self, id: str, attempt: int, reason: str, resumes: int = 0) -> Job | None:
        """Ends a run whose worker is gone: STOPPED when that was asked for, else INTERRUPTED.

        An interrupted run goes back to the queue in the same commit unless it did so `resumes` times in a row already.
        None when the run had ended after all, or is a later attempt's.
        """
        with self.database.write() as session:
            ended = {"finished_at": utc_now(), "phase": ""}
            mine = _held(id, attempt)
            stopping = mine & (JobRow.state == JobState.STOPPING)
            if self._change(session, stopping, JobState.STOPPED, reason, **ended) is None:
                if self._change(session, mine, JobState.INTERRUPTED, reason, error=reason, **ended) is None:
                    return None
                self._change(
                    session,
                    (JobRow.id == id) & (JobRow.resumes < resumes),
                    JobState.QUEUED,
                    "Resumed by the studio.",
                    ticket=_next_ticket(session),
                    finished_at=None,
                    error=None,
                    resumes=JobRow.resumes + 1,
                )
            return job_of(
                session.scalars(select(JobRow).where(JobRow.id == id).execution_options(populate_existing=True)).one()
            )

    def resume(self, id: str) -> Job:
        """Queues an ended run again, to go on from its last checkpoint. Raises WrongState, JobNotFound."""
        with self.database.write() as session:
            row = _row(session, id)
            if (
                self._change(
                    session,
                    (JobRow.id == id) & JobRow.deleted_at.is_(None),
                    JobState.QUEUED,
                    "Resumed.",
                    ticket=_next_ticket(session),
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

    def release(self, id: str) -> None:
        """Gives the slots of an ended run back, once its processes are gone."""
        with self.database.write() as session:
            session.execute(
                delete(SlotRow).where(
                    SlotRow.job.in_(select(JobRow.number).where(JobRow.id == id, JobRow.state.not_in(_ACTIVE)))
                )
            )

    def queue(self) -> list[str]:
        """Ids of the queued runs in the order in which they will be served."""
        with self.database.read() as session:
            ids = dict(session.execute(select(JobRow.number, JobRow.id).where(JobRow.state == JobState.QUEUED)).all())
            return [ids[one.number] for one in _queue(session) if one.number in ids]

    @staticmethod
    def _change(
        session: Session, which: ColumnElement[bool], state: JobState, reason: str, **values: Any
    ) -> int | None:
        """Moves one run to `state` if the state it is in allows that; its number, or None when nothing was changed."""
        number = session.scalar(
            update(JobRow)
            .where(which, JobRow.state.in_(before(state)))
            .values(state=state, **values)
            .returning(JobRow.number)
            .execution_options(synchronize_session=False)
        )
        if number is not None:
            session.add(EventRow(job=number, at=utc_now(), state=state, reason=reason))
        return number


_ACTIVE = tuple(state for state in JobState if state.active)
_REASONS = {
    JobState.DONE: "Done.",
    JobState.STOPPED: "Stopped.",
    JobState.FAILED: "Failed.",
    JobState.INTERRUPTED: "Its worker vanished.",
}


def _row(session: Session, id: str) -> JobRow:
    row = session.scalar(select(JobRow).where(JobRow.id == id))
    if row is None:
        raise JobNotFound(f"There is no run {id[:64]!r}.")
    return row


def _held(id: str, attempt: int | None) -> ColumnElement[bool]:
    """In a worker's hands, and in those of this attempt."""
    held = (JobRow.id == id) & JobRow.state.in_(_ACTIVE)
    return held if attempt is None else held & (JobRow.attempts == attempt)


def _next_ticket(session: Session) -> int:
    return (session.scalar(select(func.max(JobRow.ticket))) or 0) + 1


def _queue(session: Session) -> list[Waiting]:
    held = select(SlotRow.job)  # an earlier worker that is still on its way out keeps its run waiting
    rows = session.execute(
        select(JobRow.number, JobRow.owner, JobRow.priority, JobRow.ticket, JobRow.gpus).where(
            JobRow.state == JobState.QUEUED, JobRow.number.not_in(held)
        )
    )
    waiting = [Waiting(*row) for row in rows]
    if len({one.owner for one in waiting}) < 2:
        return in_turn(waiting, {}, {})
    active = dict(
        session.execute(
            select(JobRow.owner, func.count()).where(JobRow.state.in_(_ACTIVE)).group_by(JobRow.owner)
        ).all()
    )
    last = session.execute(select(JobRow.owner, func.max(JobRow.started_at)).group_by(JobRow.owner))
    return in_turn(waiting, active, {owner: at.timestamp() for owner, at in last if at is not None})
