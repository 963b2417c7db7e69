"""Notifies the operator's program of each run that ends: one POST of JSON to the address in STUDIO_WEBHOOK."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from app.settings import Settings
from app.views import score_text
from app.views.score_text import RunScores
from storage.jobs import Job

_SECONDS = 5.0
"""Time limit for each step of the request: to connect, to send, to be answered."""


def on_end(
    settings: Settings, report: Callable[[str], None], *, wait_seconds: float = 0.0
) -> Callable[[Job], None] | None:
    """Returns a function for JobStore to call with each run that ends; None if there is no webhook.

    The function never raises: a failure is one line to `report`, without the address, which may contain a secret.
    wait_seconds: how long it waits for the answer, in a process that ends after it; the request runs in a thread.
    """
    if not settings.webhook:
        return None

    def tell(job: Job) -> None:
        if job.kind != "run":
            return
        thread = threading.Thread(target=_post, args=(settings, job, report), name="webhook", daemon=True)
        thread.start()
        thread.join(wait_seconds)
        if wait_seconds and thread.is_alive():
            report(_failure(job, f"no answer within {wait_seconds:g} seconds"))

    return tell


def notice(job: Job, address: str) -> dict[str, Any]:
    """Returns the JSON that is sent about a run. address: of the studio's pages."""
    scores = RunScores.of(job.scores)
    metric = score_text.main_metric(scores.tuned)
    score = None
    if metric:
        score = {"metric": metric, "value": scores.tuned[metric], "untrained": scores.untrained.get(metric)}
    return {
        "id": job.id,
        "name": job.name,
        "state": job.state.value,
        "score": score,
        "address": f"{address}/runs?run={job.id}",
    }


def _post(settings: Settings, job: Job, report: Callable[[str], None]) -> None:
    try:
        import httpx2  # late: nothing else in a worker needs it

        with (
            httpx2.Client(timeout=_SECONDS) as client,
            client.stream("POST", settings.webhook, json=notice(job, settings.address)) as answer,
        ):
            if not answer.is_success:
                report(_failure(job, f"it answered {answer.status_code}"))
    except Exception as error:  # of any kind: what is told of a run cannot cost it
        report(_failure(job, type(error).__name__))  # not its message, which may quote the address


def _failure(job: Job, why: str) -> str:
    return f"The webhook was not told that the run {job.id} ended: {why}."
