"""A run as the studio works with it: the stored job and its parsed recipe."""

from __future__ import annotations

from dataclasses import dataclass

from lamp.config import TuneConfig
from storage.jobs import Job


@dataclass(frozen=True)
class Run:
    """A stored run whose recipe was parsed when it entered the app."""

    job: Job
    config: TuneConfig

    @classmethod
    def of(cls, job: Job) -> Run:
        """Parses the stored recipe. Raises ConfigError when this version cannot read it."""
        return cls(job, TuneConfig.from_dict(job.config))
