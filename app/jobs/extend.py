"""Extends a finished run by a new run that continues it."""

from __future__ import annotations

from dataclasses import replace

from app.run import Run
from storage.errors import StorageError, WrongState
from storage.home import Home
from storage.job_rows import IMPORTED
from storage.jobs import Job, JobState, JobStore, new_id


def extend(store: JobStore, home: Home, id: str, steps: int) -> Job:
    """Queues a new run that continues a DONE one up to `steps` in all; the old run is not changed.

    Raises WrongState, ConfigError, JobNotFound, OverQuota, OSError.
    """
    job = store.get(id)
    if job.kind == IMPORTED:
        raise WrongState(f"{job.name!r} was not trained here, so it cannot be extended: train on from its prompt.")
    if job.state is not JobState.DONE:
        raise WrongState(f"Only a run that is done can be extended, and {job.name!r} is {job.state}.")
    if steps <= job.steps:
        raise WrongState(f"The run {job.name!r} has {job.steps} steps already: choose more than that, not {steps}.")
    config = Run.of(job).config
    config = replace(config, train=replace(config.train, steps=steps))
    config.check()
    child = new_id()
    home.copy_checkpoints(id, child)  # before the run exists: a worker may claim it at once
    try:
        return store.add(
            f"{job.name[:100]}, {steps} steps",
            config.to_dict(),
            job.dataset,
            job.dataset_name,
            steps,
            owner=job.owner,
            parent=id,
            tags=job.tags,
            gpus=job.gpus,
            id=child,
            curves_of=id,
            step=job.step,
        )
    except StorageError:
        home.forget(child)
        raise
