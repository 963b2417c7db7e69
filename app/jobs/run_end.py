"""How the work of a run has ended, and how that is recorded."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from app.disk_full import is_disk_full
from lamp.errors import LampError
from storage.errors import StorageError, first_line
from storage.jobs import JobState


@dataclass(frozen=True)
class Outcome:
    """The result of a run's work."""

    stopped: bool
    """Whether it ended early because of a stop."""
    step: int
    scores: dict[str, float]
    failure: str = ""
    """Why the training could not go on, in one sentence; its best prompt was published nevertheless."""
    has_prompt: bool = True
    """Whether a prompt was published."""


@dataclass(frozen=True)
class RunEnd:
    """How the end of a run is recorded."""

    exit_status: int
    state: JobState
    sentence: str
    """Goes into the log."""
    values: dict[str, Any] = field(default_factory=dict)
    """Further arguments of JobStore.finish."""


def end_at_once(step: int) -> RunEnd:
    """After a stop that did not wait for a prompt."""
    values = {"reason": "Stopped before it was finished.", "step": step}
    return RunEnd(0, JobState.STOPPED, "Ended at once, as was asked; what was finished before stays.", values)


def end_after_error(error: Exception, step: int) -> RunEnd:
    """After an error, which the run's page shows as one sentence."""
    sentence = _sentence(error)
    return RunEnd(1, JobState.FAILED, sentence, {"error": sentence, "step": step})


def end_after_work(job_id: str, outcome: Outcome) -> RunEnd:
    """After work that came to an end by itself or because of a stop."""
    if outcome.stopped and not outcome.has_prompt:
        return end_at_once(outcome.step)
    values = {"scores": outcome.scores, "artifact": job_id if outcome.has_prompt else None, "step": outcome.step}
    if outcome.failure:
        return RunEnd(1, JobState.FAILED, outcome.failure, {**values, "error": outcome.failure})
    if not outcome.stopped:
        return RunEnd(0, JobState.DONE, "Done.", values)
    reason = f"Stopped after step {outcome.step}; the best prompt so far was exported."
    return RunEnd(0, JobState.STOPPED, reason, {**values, "reason": reason})


def _sentence(error: Exception) -> str:
    """An error in one sentence for the run's page."""
    if isinstance(error, LampError | StorageError):
        return str(error)
    if is_disk_full(error):
        return "The disk is full: free some space, then resume the run from its last checkpoint."
    first = first_line(error)[:200]
    return f"The run ended with an unexpected {type(error).__name__}{': ' + first if first else ''}; the log says more."
