"""A studio without its pages, to be killed: `python -m tests.jobs.studio_process [toy]`, set up by the environment."""

from __future__ import annotations

import sys
import time

from app.jobs.local import local_runner
from app.jobs.runner import Runner
from app.settings import Settings
from storage.database import open_database
from storage.home import Home
from storage.jobs import JobStore
from tests.jobs.warm import Mother, WarmExecutor


def main(arguments: list[str]) -> None:
    """Runs until it is killed."""
    settings = Settings.from_environment()
    database = open_database(settings.database_url)
    if arguments:
        from tests.jobs.conftest import QUICK

        environment = {"STUDIO_HOME": str(settings.home), "DATABASE_URL": settings.database_url}
        executor = WarmExecutor(Mother(*arguments), Home(settings.home), environment)
        runner = Runner(JobStore(database), executor, [""] * (settings.slots or 1), timeouts=QUICK)
    else:
        runner = local_runner(settings, database)
    runner.start()
    assert "torch" not in sys.modules, "the server starts without torch"
    print("ready", flush=True)
    while True:
        time.sleep(60)


if __name__ == "__main__":
    main(sys.argv[1:])
