"""The runner of this machine, made from the settings."""

from __future__ import annotations

import logging
from functools import partial

from app.backbones import Backbones
from app.jobs import tracking, webhook
from app.jobs.cleanup import sweep
from app.jobs.executors import LocalExecutor
from app.jobs.runner import Runner
from app.jobs.slots import devices
from app.settings import Settings
from storage.artifacts import ArtifactStore
from storage.database import Database
from storage.home import Home
from storage.jobs import JobStore
from storage.uploads import UploadStore

_log = logging.getLogger(__name__)


def local_runner(settings: Settings, database: Database) -> Runner:
    """A runner for this machine's slots, not started yet."""
    store, home = JobStore(database, webhook.on_end(settings, _log.warning)), Home(settings.home)
    backbones = Backbones(settings)
    executor = LocalExecutor(
        home,
        {
            "STUDIO_HOME": str(settings.home),
            "DATABASE_URL": settings.database_url,
            "STUDIO_WEBHOOK": settings.webhook,
            **tracking.variables(settings.tracker),
        },
        needs_hub=lambda job: not backbones.is_local(str(job.config.get("backbone", ""))),
    )
    return Runner(
        store,
        executor,
        devices(settings.slots),
        auto_resume=settings.auto_resume,
        at_once=settings.at_once,
        sweep=partial(sweep, store, home, ArtifactStore(home.artifacts), UploadStore(database, home.uploads)),
    )
