"""A run as JSON values, for scripts."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from storage.records import Job


def run_as_dict(job: Job, metrics: Mapping[str, float] | None = None) -> dict[str, Any]:
    """A run as JSON values. metrics: if given, they and the recipe are added."""
    values: dict[str, Any] = {
        "id": job.id,
        "name": job.name,
        "state": job.state.value,
        "step": job.step,
        "steps": job.steps,
        "phase": job.phase,
        "error": job.error,
        "scores": dict(job.scores),
        "backbone": job.backbone,
        "dataset": job.dataset,
        "dataset_name": job.dataset_name,
        "gpus": job.gpus,
        "tags": list(job.tags),
        "note": job.note,
        "created_at": _iso(job.created_at),
        "started_at": _iso(job.started_at),
        "finished_at": _iso(job.finished_at),
        "deleted_at": _iso(job.deleted_at),
        "ready": job.artifact is not None,
    }
    return values if metrics is None else {**values, "metrics": dict(metrics), "recipe": job.config}


def _iso(time: datetime | None) -> str | None:
    return time.isoformat() if time else None
