"""A run as JSON values, for scripts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime
from typing import Any

from app.views.worth import WayLine, Worth
from storage.job_rows import IMPORTED
from storage.records import Job


def run_as_dict(job: Job, metrics: Mapping[str, float] | None = None) -> dict[str, Any]:
    """Returns a run as JSON values. metrics: if given, these and the recipe are added."""
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
        "imported": job.kind == IMPORTED,
    }
    return values if metrics is None else {**values, "metrics": dict(metrics), "recipe": job.config}


def worth_as_dict(worth: Worth) -> dict[str, Any]:
    """Returns a prompt beside other ways as JSON values; scores and the prompt's leads are between -1 and 1."""
    return {
        "sentence": worth.sentence,
        "rows": worth.rows,
        "tested": worth.tested,
        "ways": list(map(_way, worth.lines)),
    }


def _way(line: WayLine) -> dict[str, Any]:
    scored = bool(line.scores)
    return {
        "way": line.way,
        "score": line.mean if scored else None,
        "interval": [line.interval.low, line.interval.high] if scored else None,
        "lead": [line.lead.low, line.lead.high] if line.lead else None,
        "standing": line.standing,
        **asdict(line.cost),
        "learning_rate": line.learning_rate,
        "text": line.text,
        "problem": line.problem,
    }


def _iso(time: datetime | None) -> str | None:
    return time.isoformat() if time else None
