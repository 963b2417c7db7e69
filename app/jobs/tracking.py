"""Sends a run's numbers to an experiment tracker, where whoever runs the studio has chosen one."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import Any, Self

from app.settings import Settings
from lamp.errors import first_line
from storage.home import Home
from storage.jobs import Job

_VARIABLES = {"wandb": "WANDB_", "trackio": "TRACKIO_"}
"""Tracker → beginning of the names of its own variables, its key among them."""


def variables(tracker: str, environment: Mapping[str, str] = os.environ) -> dict[str, str]:
    """The variables that the chosen tracker reads in a worker; those of others are not handed on."""
    beginning = _VARIABLES.get(tracker)
    return {name: value for name, value in environment.items() if beginning and name.startswith(beginning)}


class Tracking:
    """A run's entry in the tracker. A tracker that fails is told once and left alone: the run goes on."""

    def __init__(self, settings: Settings, job: Job, note: Callable[[str], None]) -> None:
        """note: called with a sentence for the run's log."""
        # A comparison trains many prompts, whose numbers are no curve of one run.
        self._name = settings.tracker if job.kind == "run" else ""
        self._job, self._folder, self._note = job, Home(settings.home).tracked, note
        self._tracker: Any = None

    def log(self, step: int, values: Mapping[str, float]) -> None:
        """Numbers after `step` steps."""
        if not self._name:
            return
        named = {name if "/" in name else f"train/{name}": value for name, value in values.items()}
        self._attempt(lambda: self._opened().log(named, step=step))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        """Closes the entry; waits until what was logged is sent."""
        if self._tracker is not None:
            self._attempt(self._tracker.finish)

    def _opened(self) -> Any:
        if self._tracker is None:
            self._tracker = self._open()
        return self._tracker

    def _open(self) -> Any:
        """The tracker, opened at the first number: its libraries are slow to import, and the run has them by then."""
        from lamp.training.trackers import open_tracker

        job = self._job
        return open_tracker(self._name, id=job.id, name=job.name, tags=job.tags, recipe=job.config, folder=self._folder)

    def _attempt(self, action: Callable[[], object]) -> None:
        try:
            action()
        except Exception as error:  # whatever a library of others raises, a run must not end for it
            name, self._name, self._tracker = self._name, "", None
            self._note(
                f"Nothing more is sent to {name}, which failed: {first_line(error)[:200] or type(error).__name__}"
            )
