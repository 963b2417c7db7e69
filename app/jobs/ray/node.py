"""The beginning of a worker on a node of a Ray cluster: `python -m app.jobs.ray.node JOB_ID ATTEMPT HOST NAME`.

It makes sure that this node shares the studio's records and, unless they lie in a store, its files; turns its output to
the run's log, and becomes the worker, with the variables that a worker has elsewhere. DATABASE_URL, HF_TOKEN,
STUDIO_WEBHOOK and the keys of a store come from the environment in which Ray was started on this node.
"""

from __future__ import annotations

import os
import sys

from app.backbones.registry import Backbones
from app.jobs.executors import worker_environment
from app.jobs.local import worker_variables
from app.jobs.log import log_line
from app.jobs.ray.cluster import check_records
from app.processes.identity import host_name
from app.settings import Settings
from lamp.errors import LampError
from storage.database import open_database
from storage.errors import StorageError
from storage.home import Home
from storage.jobs import JobState, JobStore
from storage.logs import open_log


def main(arguments: list[str]) -> int:
    """Does not return unless the run cannot be worked on here; then the exit status."""
    id, attempt, host, name = arguments
    os.environ.pop("RAY_ADDRESS", None)  # Ray's own, for programs that it starts: not the setting of that name
    try:
        settings = Settings.from_environment()
        check_records(settings)
        database = open_database(settings.database_url)
        store, log = JobStore(database), Home(settings.work_home).log(id)
        job = store.get(id)
        if not settings.files and not log.is_file():  # the studio began it before it asked for a node
            sentence = (
                f"The machine {host_name()} does not have the studio's files under {settings.home}: mount the shared "
                "folder there, or take the machine out of the cluster, then resume the run."
            )
            store.finish(id, JobState.FAILED, error=sentence, attempt=int(attempt))
            raise StorageError(sentence)
        database.close()
    except (LampError, StorageError) as error:
        print(error, file=sys.stderr, flush=True)
        return 1
    output = open_log(log)
    os.dup2(output, 1)
    os.dup2(output, 2)
    os.close(output)
    log_line(f"On {host_name()}.")
    needs_hub = settings.files_on_hub or not Backbones(settings).is_local(job.backbone)
    program = [sys.executable, "-m", "app.jobs.worker", id, attempt, host, name]
    os.execve(sys.executable, program, worker_environment(worker_variables(settings), needs_hub))  # noqa: S606  # there is no text for a shell in it


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
