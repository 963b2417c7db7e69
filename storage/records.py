"""The frozen values that the store returns, as they were when they were read."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from storage.states import JobState
from storage.tables import EventRow, JobRow


@dataclass(frozen=True)
class Worker:
    """The process that works on a run."""

    host: str
    pid: int
    process: str
    """Identifies the process among others with the same id, because systems reuse ids (app.processes.identity)."""


@dataclass(frozen=True)
class Event:
    """One entry of a run's history."""

    at: datetime
    state: JobState
    reason: str


@dataclass(frozen=True)
class Job:
    """A run at the moment when it was read. All times are aware and in UTC."""

    id: str
    number: int
    name: str
    kind: str
    """"run"; "comparison": of the run `parent` with other ways, as `config` asks for it; "imported": a prompt that was
    made elsewhere."""
    state: JobState
    config: dict[str, Any]
    backbone: str
    """The backbone that `config` names; "" if it names none."""
    dataset: str
    dataset_name: str
    step: int
    steps: int
    phase: str
    error: str | None
    scores: dict[str, float]
    artifact: str | None
    """The run's id if it has an exported prompt, else None."""
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    heartbeat_at: datetime | None
    owner: str
    priority: int
    tags: tuple[str, ...]
    note: str
    parent: str | None
    attempts: int
    """Number of times it was started."""
    resumes: int
    """Automatic resumes since a person last queued it."""
    ticket: int
    """Number in the order of arrival; a new one each time the run is queued."""
    gpus: int
    slots: tuple[int, ...]
    """Slots of the host in which it runs, or last ran."""
    host: str | None
    worker: Worker | None
    beats: int
    """Number of heartbeats of this attempt."""
    stop_heard: bool
    """Whether its worker knows of the stop and is writing its checkpoint and its prompt."""
    deleted_at: datetime | None


def job_of(row: JobRow) -> Job:
    """Converts a row to a Job."""
    known = row.host is not None and row.pid is not None and row.process is not None
    return Job(
        id=row.id,
        number=row.number,
        name=row.name,
        kind=row.kind,
        state=JobState(row.state),
        config=row.config,
        backbone=row.backbone,
        dataset=row.dataset,
        dataset_name=row.dataset_name,
        step=row.step,
        steps=row.steps,
        phase=row.phase,
        error=row.error,
        scores=dict(row.scores),
        artifact=row.artifact,
        created_at=row.created_at,
        started_at=row.started_at,
        finished_at=row.finished_at,
        heartbeat_at=row.heartbeat_at,
        owner=row.owner,
        priority=row.priority,
        tags=tuple(row.tags),
        note=row.note,
        parent=row.parent,
        attempts=row.attempts,
        resumes=row.resumes,
        ticket=row.ticket,
        gpus=row.gpus,
        slots=tuple(row.slots),
        host=row.host,
        worker=Worker(row.host, row.pid, row.process) if known else None,  # type: ignore[arg-type]  # `known` says so
        beats=row.beats,
        stop_heard=row.stop_heard,
        deleted_at=row.deleted_at,
    )


def event_of(row: EventRow) -> Event:
    """Converts a row to an Event."""
    return Event(row.at, JobState(row.state), row.reason)
