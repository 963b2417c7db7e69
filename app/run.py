"""A run as the studio works with it: the stored job and its parsed recipe."""

from __future__ import annotations

from dataclasses import dataclass

from lamp.config import TuneConfig
from lamp.errors import ConfigError
from storage.jobs import Job


@dataclass(frozen=True)
class Run:
    """A stored run whose recipe was parsed when it entered the app."""

    job: Job
    config: TuneConfig

    @classmethod
    def of(cls, job: Job) -> Run:
        """Parses the stored recipe. Raises ConfigError when this version cannot read it, or when it is no run's."""
        if job.kind != "run":
            raise ConfigError([f"{job.name!r} is no run: it compares one with other ways."])
        config = job.config
        if isinstance(data := config.get("data"), dict) and "test_share" not in data:
            # A run of an earlier version, whose rows had no part for the test: its split must stay as it is.
            config = {**config, "data": {**data, "test_share": 0.0}}
        return cls(job, TuneConfig.from_dict(config))
