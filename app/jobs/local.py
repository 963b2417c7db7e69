"""The runner of this machine, made from the settings."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from functools import partial

from app.backbones import Backbones
from app.jobs import tracking, webhook
from app.jobs.cleanup import sweep
from app.jobs.executors import Executor, LocalExecutor
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
    """Creates a runner for this machine's slots, not started yet."""
    backbones = Backbones(settings)
    executor = LocalExecutor(
        Home(settings.home),
        worker_variables(settings),
        needs_hub=lambda job: not backbones.is_local(job.backbone),
    )
    return runner_with(executor, devices(settings.slots), settings, database)


def worker_variables(settings: Settings) -> dict[str, str]:
    """Returns the variables for workers beyond those of every process of the studio."""
    return {
        "STUDIO_HOME": str(settings.home),
        "DATABASE_URL": settings.database_url,
        "STUDIO_WEBHOOK": settings.webhook,
        **tracking.variables(settings.tracker),
    }


def runner_with(executor: Executor, slots: Sequence[str], settings: Settings, database: Database) -> Runner:
    """A runner of the settings' studio, not started yet. slots: the device of each."""
    store, home = JobStore(database, webhook.on_end(settings, _log.warning)), Home(settings.home)
    return Runner(
        store,
        executor,
        slots,
        auto_resume=settings.auto_resume,
        at_once=settings.at_once,
        sweep=partial(sweep, store, home, ArtifactStore(home.artifacts), UploadStore(database, home.uploads)),
    )
