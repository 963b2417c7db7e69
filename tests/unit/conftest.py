"""What unit tests share."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from app.studio import Studio


@pytest.fixture
def studio(tmp_path: Path) -> Studio:
    """A studio of its own in an empty home folder, without a runner."""
    from app.settings import Settings  # late: lamp's tests also run where the packages of the app are not installed
    from app.studio import Studio
    from storage.database import open_database

    settings = Settings.from_environment({"STUDIO_HOME": str(tmp_path)})
    return Studio(settings, open_database(settings.database_url))
