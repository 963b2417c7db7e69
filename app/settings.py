"""Settings of one studio, from environment variables."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from lamp.errors import ConfigError


@dataclass(frozen=True)
class Settings:
    """Where a studio keeps its things, where it listens and how it runs jobs."""

    home: Path
    """STUDIO_HOME: database, uploads, artifacts, checkpoints, logs and converted backbones."""
    host: str
    """STUDIO_HOST"""
    port: int
    """STUDIO_PORT"""
    database_url: str
    """DATABASE_URL: SQLite in the home folder unless it says otherwise."""
    on_space: bool
    """Whether this is a Hugging Face Space, open to strangers."""
    auto_resume: bool
    """STUDIO_AUTO_RESUME: whether runs whose worker vanished are resumed without being asked."""
    slots: int | None
    """STUDIO_SLOTS: runs at a time; one a GPU, or one on the CPU, when not set."""
    low_disk_bytes: int
    """STUDIO_LOW_DISK_GB: new runs are refused when less is free."""

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> Settings:
        """Raises ConfigError that names every variable with a value that makes no sense."""
        problems: list[str] = []

        def number(name: str, default: float, low: float, high: float) -> float:
            text = environment.get(name, "").strip()
            try:
                value = float(text) if text else default
            except ValueError:
                value = low - 1
            if not low <= value <= high:
                problems.append(f"{name} must be a number between {low:g} and {high:g}, not {text!r}.")
            return value

        on_space = bool(environment.get("SPACE_ID"))
        home = Path(environment.get("STUDIO_HOME") or "studio-data").expanduser().absolute()
        port = int(number("STUDIO_PORT", 7860, 1, 65535))
        low_disk = number("STUDIO_LOW_DISK_GB", 1.0, 0, 1e6)
        slots = int(number("STUDIO_SLOTS", 1, 1, 64)) if environment.get("STUDIO_SLOTS", "").strip() else None
        resume = environment.get("STUDIO_AUTO_RESUME", "yes").strip().lower()
        if resume not in {"yes", "no"}:
            problems.append(f"STUDIO_AUTO_RESUME must be yes or no, not {resume!r}.")
        if problems:
            raise ConfigError(problems)
        return cls(
            home=home,
            host=environment.get("STUDIO_HOST") or ("0.0.0.0" if on_space else "127.0.0.1"),
            port=port,
            database_url=environment.get("DATABASE_URL") or f"sqlite:///{home / 'studio.db'}",
            on_space=on_space,
            auto_resume=resume == "yes",
            slots=slots,
            low_disk_bytes=int(low_disk * 1e9),
        )
