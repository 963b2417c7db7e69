"""The local worker of a run on a rented machine: `python -m app.jobs.rented.worker JOB_ID ATTEMPT`.

It differs from other workers (app.jobs.worker) only in its work: it rents the machine, takes over what comes from
there, and returns the machine. So the heartbeat, the stop and the end of the run are those of a local one. If this
process ends before the run does, that of the next attempt continues with the same machine.
"""

from __future__ import annotations

import sys
from functools import partial

from app.jobs import worker
from app.jobs.job_reporter import JobReporter
from app.jobs.rented.hub_jobs import HubJobs, keep_log_clean
from app.jobs.rented.rental import Rental
from app.jobs.run_end import Outcome
from app.processes.child_memory import be_ended_first
from app.settings import Settings
from lamp.errors import LampError
from lamp.process import prepare_process
from storage.artifacts import ArtifactStore
from storage.database import open_database
from storage.errors import StorageError
from storage.home import Home
from storage.jobs import Job, JobStore
from storage.owners import Owner
from storage.uploads import UploadStore


def rent(settings: Settings, job: Job, reporter: JobReporter, artifacts: ArtifactStore) -> Outcome:
    """Does the work of a run on a rented machine. Raises LampError, StorageError, WorkerLost."""
    keep_log_clean()
    home = Home(settings.work_home)
    uploads = UploadStore(open_database(settings.database_url), home.uploads, Owner(job.owner))
    return Rental(settings, HubJobs(settings.hf_jobs_token), home, uploads, artifacts, job, reporter).outcome()


def main(arguments: list[str]) -> int:
    """Runs the worker; returns the exit status of app.jobs.worker.

    A comparison is computed on this machine, as everywhere.
    """
    prepare_process()
    be_ended_first(holds_work=True)
    try:
        settings, (run, attempt) = Settings.from_environment(), arguments
        database = open_database(settings.database_url)
        is_run = JobStore(database).get(run).kind == "run"
        database.close()
        return worker.run(run, int(attempt), settings, partial(rent, settings) if is_run else None)
    except (StorageError, LampError) as error:
        print(error, file=sys.stderr, flush=True)
        return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
