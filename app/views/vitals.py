"""How a studio is doing, in a few numbers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from storage.states import JobState


@dataclass(frozen=True)
class Vitals:
    """What programs that watch over a studio want to know."""

    runs: Mapping[JobState, int]
    """Runs in each state; deleted ones are not counted."""
    slots: int
    """Runs that can go on at a time."""
    free_bytes: int
    """Free disk for the studio's files."""
