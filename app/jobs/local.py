"""The runner of this machine, made from the settings."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from functools import partial

from app.backbones.registry import Backbones
from app.jobs import tracking, webhook
from app.jobs.cleanup import sweep
from app.jobs.executors import Executor, LocalExecutor
from app.jobs.runner import Runner
from app.processes.child_environment import file_store_variables
from app.processes.slots import devices
from app.settings import Settings
from storage.database import Database
from storage.home import Home
from storage.jobs import JobStore
from storage.shared_files import open_files

_log = logging.getLogger(__name__)


def local_runner(settings: Settings, database: Database) -> Runner:
    """Creates a runner for this machine's slots, not started yet."""
    backbones = Backbones(settings)
    executor = LocalExecutor(
        Home(settings.work_home),
        worker_variables(settings),
        needs_hub=lambda job: settings.files_on_hub or not backbones.is_local(job.backbone),
    )
    return runner_with(executor, devices(settings.slots), settings, database)


def worker_variables(settings: Settings) -> dict[str, str]:
    """Returns the variables for workers beyond those of every process of the studio."""
    return {
        "STUDIO_HOME": str(settings.home),
        "DATABASE_URL": settings.database_url,
        "STUDIO_WEBHOOK": settings.webhook,
        **tracking.variables(settings.tracker),
        **(file_store_variables() if settings.files else {}),
    }


def runner_with(executor: Executor, slots: Sequence[str], settings: Settings, database: Database) -> Runner:
    """A runner of the settings' studio, not started yet. slots: the device of each."""
    store = JobStore(database, webhook.on_end(settings, _log.warning))
    files = open_files(settings.home, settings.files)
    return Runner(
        store,
        executor,
        slots,
        auto_resume=settings.auto_resume,
        at_once=settings.at_once,
        sweep=partial(sweep, store, files.home, files.artifacts, files.uploads(database)),
    )
