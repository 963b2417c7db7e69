"""A studio without a runner, and a recipe that it could start."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from app.settings import Settings
from app.studio import Studio
from lamp.config import TuneConfig
from storage.database import open_database

SAMPLE = "sample:support-tickets.csv"
Submit = Callable[..., str]


@pytest.fixture
def studio(tmp_path: Path) -> Studio:
    settings = Settings.from_environment(
        {"STUDIO_HOME": str(tmp_path / "home"), "STUDIO_LOW_DISK_GB": "0", "STUDIO_MOST_QUEUED": "3"}
    )
    return Studio(settings, open_database(settings.database_url))


@pytest.fixture
def recipe(tiny_llama: Path) -> dict[str, Any]:
    """As a script sends it."""
    return {
        "backbone": str(tiny_llama),
        "data": {"input_columns": ["text"], "target_column": "label"},
        "lamp": {"prompt_length": 20, "rank": 4},
        "train": {"steps": 2, "batch_size": 2, "precision": "fp32"},
    }


@pytest.fixture
def submit(studio: Studio, recipe: dict[str, Any]) -> Submit:
    """Queues a run of the recipe."""
    return lambda **values: studio.submit(TuneConfig.from_dict(recipe), SAMPLE, **values)
