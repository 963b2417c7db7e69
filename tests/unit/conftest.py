"""What unit tests share."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.settings import Settings
from app.studio import Studio
from storage.database import open_database


@pytest.fixture
def studio(tmp_path: Path) -> Studio:
    """A studio of its own in an empty home folder, without a runner."""
    settings = Settings.from_environment({"STUDIO_HOME": str(tmp_path)})
    return Studio(settings, open_database(settings.database_url))
