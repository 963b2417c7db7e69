"""Sends a run's metrics to an experiment tracker, if the studio's operator has chosen one."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Mapping
from typing import Any, Self

from app.settings import Settings
from lamp.errors import first_line
from storage.home import Home
from storage.jobs import Job

_VARIABLES = {"wandb": "WANDB_", "trackio": "TRACKIO_"}
"""Tracker → prefix of its own variables, its key among them."""

_LAST_SECONDS = 60.0
"""Time for a tracker to send what is left; without a network some try for ever, and the run would not end."""


def variables(tracker: str, environment: Mapping[str, str] = os.environ) -> dict[str, str]:
    """Returns the variables that the chosen tracker reads in a worker; those of other trackers are not passed on."""
    beginning = _VARIABLES.get(tracker)
    return {name: value for name, value in environment.items() if beginning and name.startswith(beginning)}


class Tracking:
    """A run's entry in the tracker. If the tracker fails, the log says so once and the run continues without it."""

    def __init__(
        self, settings: Settings, job: Job, note: Callable[[str], None], last_seconds: float = _LAST_SECONDS
    ) -> None:
        """note: called with a sentence for the run's log."""
        self._last_seconds = last_seconds
        # A comparison trains many prompts, whose numbers are no curve of one run.
        self._name = settings.tracker if job.kind == "run" else ""
        self._job, self._folder, self._note = job, Home(settings.home).tracked, note
        self._tracker: Any = None

    def log(self, step: int, values: Mapping[str, float]) -> None:
        """Sends metrics after `step` steps."""
        if not self._name:
            return
        named = {name if "/" in name else f"train/{name}": value for name, value in values.items()}
        self._attempt(lambda: self._opened().log(named, step=step))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        """Closes the entry; waits for a limited time until everything logged was sent."""
        if self._tracker is None:
            return
        name = self._name
        closing = threading.Thread(target=self._attempt, args=(self._tracker.finish,), daemon=True)
        closing.start()
        closing.join(self._last_seconds)
        if closing.is_alive():
            self._note(f"{name} has not taken the last numbers within {self._last_seconds:.0f} seconds: the run ends.")

    def _opened(self) -> Any:
        if self._tracker is None:
            self._tracker = self._open()
        return self._tracker

    def _open(self) -> Any:
        """Opens the tracker at the first metric: its libraries are slow to import, and the run has imported them by
        then."""
        from lamp.training.trackers import open_tracker

        job = self._job
        return open_tracker(self._name, id=job.id, name=job.name, tags=job.tags, recipe=job.config, folder=self._folder)

    def _attempt(self, action: Callable[[], object]) -> None:
        try:
            action()
        except Exception as error:  # whatever a library of others raises, a run must not end for it
            name, self._name, self._tracker = self._name, "", None
            said = first_line(error)
            for variable, value in variables(name).items():
                if variable.endswith("KEY") and value:
                    said = said.replace(value, "***")
            self._note(f"Nothing more is sent to {name}, which failed: {said[:200] or type(error).__name__}")
