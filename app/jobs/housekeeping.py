"""Going on from a finished run, and freeing what no run needs any more."""

from __future__ import annotations

import copy
from datetime import timedelta

from lamp.config import TuneConfig
from storage.artifacts import ArtifactStore
from storage.errors import WrongState
from storage.home import Home
from storage.jobs import Job, JobState, JobStore, new_id
from storage.uploads import UploadStore

WAY_BACK = timedelta(days=1)
"""How long a deleted run can be brought back."""


def extend(store: JobStore, home: Home, id: str, steps: int) -> Job:
    """Queues a new run that goes on where a DONE one ended, up to `steps` in all; the old one stays as it is.

    Raises WrongState, ConfigError, JobNotFound, OSError.
    """
    job = store.get(id)
    if job.state is not JobState.DONE:
        raise WrongState(f"Only a run that is done can be extended, and {job.name!r} is {job.state}.")
    if steps <= job.steps:
        raise WrongState(f"The run {job.name!r} has {job.steps} steps already: choose more than that, not {steps}.")
    config = copy.deepcopy(job.config)
    config["train"]["steps"] = steps
    TuneConfig.from_dict(config).check()
    child = new_id()
    home.copy_checkpoints(id, child)  # before the run exists: a worker may claim it the moment it does
    return store.add(f"{job.name}, {steps} steps", config, job.dataset, job.dataset_name, steps, owner=job.owner,
                     parent=id, tags=job.tags, gpus=job.gpus, id=child, curves_of=id)


def sweep(store: JobStore, home: Home, artifacts: ArtifactStore, uploads: UploadStore) -> None:
    """Frees the files of runs that were deleted a day ago, and whatever lies there that nothing refers to."""
    for job in store.expired(WAY_BACK):
        if store.purge(job.id):
            artifacts.remove(job.id)
            home.forget(job.id)
    known = store.ids()
    artifacts.sweep(known)
    uploads.sweep(store.datasets())
    home.sweep(known)
