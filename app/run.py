"""A run as the studio works with it: the stored job and its parsed recipe."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from lamp.config import TuneConfig
from lamp.errors import ConfigError
from storage.job_rows import IMPORTED
from storage.jobs import Job


@dataclass(frozen=True)
class Run:
    """A stored run whose recipe was parsed when it entered the app."""

    job: Job
    config: TuneConfig

    @property
    def imported(self) -> bool:
        """Whether its prompt was made elsewhere."""
        return self.job.kind == IMPORTED

    @classmethod
    def of(cls, job: Job) -> Run:
        """Parses the stored recipe. Raises ConfigError when this version cannot read it, or when it is no run's."""
        if job.kind == "comparison":
            raise ConfigError([f"{job.name!r} is no run: it compares one with other ways."])
        return cls(job, TuneConfig.from_dict(as_read_now(job.config)))


def as_read_now(config: dict[str, Any]) -> dict[str, Any]:
    """A stored recipe with what this version takes for granted in those of earlier ones.

    Their rows had no part for the test: the split of such a run must stay as it is.
    """
    if isinstance(data := config.get("data"), dict) and "test_share" not in data:
        return {**config, "data": {**data, "test_share": 0.0}}
    return config
