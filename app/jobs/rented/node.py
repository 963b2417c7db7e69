"""Executes a run on its rented machine: `python -m app.jobs.rented.node REPOSITORY REVISION SECONDS`.

It creates a studio for this one run: an empty home with its own database, and the same runner and worker as in every
studio. Their results are uploaded to the exchange every SECONDS; a stop that is asked for in the exchange is passed on
to the run.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from pathlib import Path

from app.jobs.local import local_runner
from app.jobs.log import log_line
from app.jobs.rented.courier import Courier
from app.jobs.rented.exchange import Exchange
from app.jobs.rented.hub_jobs import HubAway, HubJobs, HubRefused, keep_log_clean
from app.jobs.rented.parcel import unpack
from app.settings import Settings
from lamp.errors import LampError
from storage.database import open_database
from storage.errors import StorageError
from storage.home import Home
from storage.jobs import JobStore

_LOOK_SECONDS = 5.0
"""Seconds between two checks whether the run should stop."""
_PATIENCE_SECONDS = 900.0
"""Time limit for uploading the end of a run, and for uploads that the Hub refuses: the machine costs money."""


def main(arguments: list[str]) -> int:
    """Runs the job; returns 0 once the end of the run was uploaded, whatever it was."""
    repository, revision, seconds = arguments
    folder = Path(tempfile.mkdtemp(prefix="lamp-run-"))
    keep_log_clean()
    try:
        exchange = Exchange(HubJobs(os.environ["HF_TOKEN"]).api, repository)
        settings = Settings.from_environment({"STUDIO_HOME": str(folder / "home"), "STUDIO_AUTO_RESUME": "no"})
        settings.home.mkdir()
        database, home = open_database(settings.database_url), Home(settings.home)
        job = unpack(exchange.fetch("in", revision, folder / "sent"), home, database)
        log_line(f"The run {job.id} begins on this machine.")
        store = JobStore(database)
        runner = local_runner(settings, database)
        runner.start()
        try:
            return _follow(store, Courier(store, home, job.id, exchange), exchange, job.id, float(seconds))
        finally:
            runner.close()
    except (LampError, StorageError) as error:
        log_line(str(error))
        return 1


def _follow(store: JobStore, courier: Courier, exchange: Exchange, run: str, seconds: float) -> int:
    """Uploads until the end of the run is uploaded, or until that has failed for too long."""
    send_at = look_at = 0.0
    ended_at: float | None = None
    refused_at: float | None = None
    while True:
        now = time.monotonic()
        ended = store.get(run).state.finished
        if ended and ended_at is None:
            ended_at, send_at = now, 0.0
        try:
            if now >= look_at and not ended:
                look_at = now + min(_LOOK_SECONDS, seconds)
                if exchange.is_stop_asked():
                    store.request_stop(run)
            if now >= send_at:
                send_at = now + min(_LOOK_SECONDS, seconds)  # after a failure
                if courier.send().state.finished:
                    log_line("The end of the run was sent to the studio.")
                    return 0
                send_at, refused_at = now + seconds, None
        except HubAway as error:
            log_line(f"{error} It is tried again.")
        except HubRefused as error:
            refused_at = refused_at or now
            log_line(f"{error} It is tried again.")
        if max(now - start for start in (ended_at or now, refused_at or now)) > _PATIENCE_SECONDS:
            log_line("What the run has made cannot be sent: the machine is given back.")
            return 1
        time.sleep(0.1)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
