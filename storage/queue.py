"""The queue of runs: adds runs, decides whose turn it is, and claims a run together with slots of a host."""

from __future__ import annotations

import secrets
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import delete, func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from storage import metrics
from storage.database import utc_now
from storage.job_rows import ACTIVE, JobRows, change_state, next_ticket
from storage.quota import ANY_NUMBER, AtOnce, check_waiting, waiting
from storage.records import Job, job_of
from storage.states import JobState
from storage.tables import EventRow, JobRow, SlotRow

Jobs = list[Job]


def new_id() -> str:
    """Returns a short random name that is safe in an address and in a path."""
    return secrets.token_hex(5)


class JobQueue(JobRows):
    """Queued runs, and the slots of claimed ones."""

    def add(
        self,
        name: str,
        config: Mapping[str, Any],
        dataset: str,
        dataset_name: str,
        steps: int,
        *,
        owner: str | None = None,
        parent: str | None = None,
        priority: int = 0,
        gpus: int = 1,
        id: str = "",
        tags: Sequence[str] = (),
        note: str = "",
        curves_of: str | None = None,
        step: int = 0,
        kind: str = "run",
    ) -> Job:
        """Queues a new run.

        One that continues another run starts with the metrics of that run, `curves_of`, and after its steps, `step`.
        owner: None for the store's own; kind: "comparison" for one of the run `parent`, which lists leave out. Raises
        OverQuota if as many runs of the store's owner wait as may wait.
        """
        with self.database.write() as session:
            check_waiting(session, self.owner)
            row = JobRow(
                id=id or new_id(),
                name=name,
                kind=kind,
                state=JobState.QUEUED,
                config=dict(config),
                backbone=str(config.get("backbone", "")),
                dataset=dataset,
                dataset_name=dataset_name,
                steps=steps,
                step=step,
                owner=self.owner.name if owner is None else owner,
                parent=parent,
                priority=priority,
                gpus=gpus,
                tags=list(tags),
                note=note,
                ticket=next_ticket(session),
                created_at=utc_now(),
            )
            session.add(row)
            session.flush()
            session.add(EventRow(job=row.number, at=utc_now(), state=row.state, reason="Queued."))
            if curves_of is not None:
                metrics.copy(session, self._row(session, curves_of).number, row.number)
            return job_of(row)

    def own_waiting(self) -> int:
        """Counts the waiting runs and comparisons of the store's owner."""
        with self.database.read() as session:
            return waiting(session, self.owner.name)

    def active_by_owner(self) -> dict[str, int]:
        """Counts the active runs of each owner, on any host."""
        with self.database.read() as session:
            return _active_by_owner(session)

    def claim(self, host: str, slots: Sequence[int], at_once: AtOnce = ANY_NUMBER) -> Job | None:
        """Takes the next run in turn for `host`, whose slots are `slots`; None if nothing can start.

        A run that needs more slots than are free waits at the head of the queue, so that others do not overtake it for
        ever. A run that needs more than the host has is left to another host. A run whose owner already has as many
        active runs as `at_once` allows is skipped.
        """
        if not self.queue():
            return None
        try:
            with self.database.write() as session:
                at_once.lock(session)
                active = {} if at_once.most is None else _active_by_owner(session)
                taken = set(session.scalars(select(SlotRow.slot).where(SlotRow.host == host)))
                free = [slot for slot in slots if slot not in taken]
                for next_run in _queue(session):
                    if next_run.gpus > len(slots) or at_once.is_full(next_run.owner, active):
                        continue
                    if next_run.gpus > len(free):
                        return None
                    chosen = free[: next_run.gpus]
                    number = change_state(
                        session,
                        JobRow.number == next_run.number,
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

    def releasing_slots(self, host: str) -> Jobs:
        """Lists ended runs that still hold slots of `host`, because their processes may still exist."""
        with self.database.read() as session:
            holding = select(SlotRow.job).where(SlotRow.host == host)
            ended = select(JobRow).where(JobRow.number.in_(holding), JobRow.state.not_in(ACTIVE))
            return [job_of(row) for row in session.scalars(ended)]

    def release(self, id: str) -> None:
        """Releases the slots of an ended run, once its processes are gone."""
        with self.database.write() as session:
            session.execute(
                delete(SlotRow).where(
                    SlotRow.job.in_(select(JobRow.number).where(JobRow.id == id, JobRow.state.not_in(ACTIVE)))
                )
            )

    def queue(self) -> list[str]:
        """Returns the ids of the queued runs in the order in which they will be started."""
        with self.database.read() as session:
            ids = dict(session.execute(select(JobRow.number, JobRow.id).where(JobRow.state == JobState.QUEUED)).all())
            return [ids[run.number] for run in _queue(session) if run.number in ids]


@dataclass(frozen=True)
class Waiting:
    """The values of a queued run that its place in the queue depends on."""

    number: int
    owner: str
    priority: int
    ticket: int
    gpus: int


def in_turn(waiting: Iterable[Waiting], active: Mapping[str, int], last_started: Mapping[str, float]) -> list[Waiting]:
    """Sorts the queue into the order in which runs will be started.

    active: each owner's number of active runs; last_started: when each owner's latest run was started (any rising
    number). An owner with one run waiting is served after at most one run of every other owner, however many those have
    queued and whatever priority they gave them.
    """
    by_owner: dict[str, list[Waiting]] = defaultdict(list)
    for job in sorted(waiting, key=lambda job: (-job.priority, job.ticket, job.number)):
        by_owner[job.owner].append(job)
    turns = [
        (active.get(owner, 0) + place, last_started.get(owner, float("-inf")), job.ticket, job.number, job)
        for owner, jobs in by_owner.items()
        for place, job in enumerate(jobs)
    ]
    return [turn[-1] for turn in sorted(turns, key=lambda turn: turn[:-1])]


def _queue(session: Session) -> list[Waiting]:
    held = select(SlotRow.job)  # the process of an earlier attempt may still be ending
    rows = session.execute(
        select(JobRow.number, JobRow.owner, JobRow.priority, JobRow.ticket, JobRow.gpus).where(
            JobRow.state == JobState.QUEUED, JobRow.number.not_in(held)
        )
    )
    queued = [Waiting(*row) for row in rows]
    if len({job.owner for job in queued}) < 2:
        return in_turn(queued, {}, {})
    last = session.execute(select(JobRow.owner, func.max(JobRow.started_at)).group_by(JobRow.owner))
    return in_turn(queued, _active_by_owner(session), {owner: at.timestamp() for owner, at in last if at is not None})


def _active_by_owner(session: Session) -> dict[str, int]:
    counts = select(JobRow.owner, func.count()).where(JobRow.state.in_(ACTIVE)).group_by(JobRow.owner)
    return dict(session.execute(counts).all())
