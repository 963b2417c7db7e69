"""A run as scripts read it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from storage.records import Job


def as_dict(job: Job, metrics: Mapping[str, float] | None = None) -> dict[str, Any]:
    """A run as a script reads it."""

    def time(value: datetime | None) -> str | None:
        return value.isoformat() if value else None

    found: dict[str, Any] = {
        "id": job.id,
        "name": job.name,
        "state": job.state.value,
        "step": job.step,
        "steps": job.steps,
        "phase": job.phase,
        "error": job.error,
        "scores": dict(job.scores),
        "backbone": job.config.get("backbone", ""),
        "dataset": job.dataset,
        "dataset_name": job.dataset_name,
        "gpus": job.gpus,
        "tags": list(job.tags),
        "note": job.note,
        "created_at": time(job.created_at),
        "started_at": time(job.started_at),
        "finished_at": time(job.finished_at),
        "ready": job.artifact is not None,
    }
    return found if metrics is None else {**found, "metrics": dict(metrics), "recipe": job.config}
