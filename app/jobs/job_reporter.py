"""The Reporter of a worker: passes what the training reports to the heartbeat, the log and a tracker."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby
from pathlib import Path

from app.jobs.heartbeat import Heartbeat
from app.jobs.log import log_line, quote_line
from app.jobs.tracking import Tracking
from app.views.score_samples import add_samples
from lamp.plain_line import visible
from lamp.training.reporter import Sample

_STOPPING = "Stopping: "
"""Prefix of every phase after the training has learned of the stop."""


class JobReporter:
    """lamp's Reporter for a run of the studio."""

    def __init__(self, heartbeat: Heartbeat, tracking: Tracking, samples: Path | None = None) -> None:
        """samples: the file for the answers at each evaluation; None to store none."""
        self._heartbeat, self._tracking, self._samples = heartbeat, tracking, samples
        self._phase = ""

    @property
    def step(self) -> int:
        """The last reported step."""
        return self._heartbeat.step

    def log(self, step: int, values: Mapping[str, float]) -> None:
        self._heartbeat.add(step, values)
        self._tracking.log(step, values)

    def phase(self, text: str) -> None:
        text = visible(text)
        self._phase = f"{_STOPPING}{text[:1].lower()}{text[1:]}" if self._heartbeat.stop_heard else text
        self._heartbeat.phase = self._phase
        self.note(f"{text} ...")

    def part(self, share: float) -> None:
        if share > 0 and not self._heartbeat.stop_requested.is_set():
            self._heartbeat.phase = f"{self._phase}, {100 * share:.0f} % done"

    def note(self, text: str) -> None:
        log_line(text)

    def relay(self, step: int, phase: str, values: Iterable[tuple[int, str, float]]) -> None:
        """Records what a worker on another machine has reported; values: (step, name, value) in rising steps."""
        for at, group in groupby(values, key=lambda value: value[0]):
            self.log(at, {name: value for _, name, value in group})
        self._heartbeat.add(step, {})
        if not self._heartbeat.stop_heard or phase.startswith(_STOPPING):
            self._phase = self._heartbeat.phase = visible(phase)

    @property
    def is_ended_by_system(self) -> bool:
        """Returns whether the system ends this process and nobody asked the run to stop."""
        return self._heartbeat.stop_requested.is_set() and not self._heartbeat.stop_by_user

    def quote(self, line: str) -> None:
        """Writes a line of a log from another machine, which already has a time."""
        quote_line(line)

    def samples(self, step: int, rows: Sequence[Sample]) -> None:
        if self._samples is not None:
            add_samples(self._samples, step, rows)

    def should_stop(self) -> bool:
        if not self._heartbeat.stop_requested.is_set():
            return False
        if not self._heartbeat.stop_heard:
            self._heartbeat.stop_heard = True
            self._heartbeat.phase = f"{_STOPPING}keeping what was learned"
        return True
