"""What one person may take of a studio: limits that its keeper sets, none of them by default."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from app.environment import Environment


class Used(NamedTuple):
    """How much of a limit is used."""

    used: int
    most: int


@dataclass(frozen=True)
class Quotas:
    """Limits for each person who is no admin; None where there is none."""

    running: int | None = None
    """STUDIO_QUOTA_RUNNING: runs that are at work at once; further ones wait."""
    queued: int | None = None
    """STUDIO_QUOTA_QUEUED: runs that wait."""
    steps: int | None = None
    """STUDIO_QUOTA_STEPS: of one run."""
    upload_bytes: int | None = None
    """STUDIO_QUOTA_UPLOAD_MB: of one file."""
    stored_bytes: int | None = None
    """STUDIO_QUOTA_STORAGE_GB: of data sets, prompts and exports together."""
    requests: int | None = None
    """STUDIO_QUOTA_REQUESTS: a minute, of those that compute."""

    @property
    def any(self) -> bool:
        """Whether anything is limited."""
        return self != UNLIMITED

    @classmethod
    def from_environment(cls, read: Environment) -> Quotas:
        """Reads the settings; a sentence for each that is wrong is among the problems of `read` then."""

        def limit(name: str, unit: float = 1, least: float = 1) -> int | None:
            text = read.text(f"STUDIO_QUOTA_{name}")
            try:
                value = float(text) if text else None
            except ValueError:
                value = 0.0
            if value is None:
                return None
            if not least <= value <= 1e9 or (unit == 1 and value != int(value)):
                number = "a whole number" if unit == 1 else "a number"
                read.problems.append(
                    f"STUDIO_QUOTA_{name} must be {number} between {least:g} and 1,000,000,000, or empty for no limit, "
                    f"not {text!r}."
                )
                return None
            return round(value * unit)

        return cls(
            running=limit("RUNNING"),
            queued=limit("QUEUED"),
            steps=limit("STEPS"),
            upload_bytes=limit("UPLOAD_MB", 1e6, 0.001),
            stored_bytes=limit("STORAGE_GB", 1e9, 0.001),
            requests=limit("REQUESTS"),
        )


UNLIMITED = Quotas()
