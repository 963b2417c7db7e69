"""Whether a run may start from the prompt of another one."""

from __future__ import annotations

from lamp.config import TuneConfig
from storage.artifacts import ArtifactStore
from storage.errors import StorageError
from storage.jobs import JobStore


def problems(config: TuneConfig, store: JobStore, artifacts: ArtifactStore) -> list[str]:
    """Why a recipe cannot start from the run that it names; empty when it can, or names none."""
    if config.lamp.initial != "prompt" or not config.lamp.initial_prompt.strip():
        return []
    try:
        job = store.get(config.lamp.initial_prompt)
        artifacts.path(job.id)
    except StorageError as error:
        return [str(error)]
    origin = TuneConfig.from_dict(job.config)
    found = []
    if origin.backbone != config.backbone:
        found.append(
            f"The prompt of {job.name!r} was trained for {origin.backbone}: choose that backbone, or start "
            "from something else."
        )
    length, rank = origin.lamp.prompt_length, origin.lamp.rank
    if (length, rank) != (config.lamp.prompt_length, config.lamp.rank):
        found.append(
            f"The prompt of {job.name!r} has {length} tokens of rank {rank}: set the prompt length to "
            f"{length} and the rank to {rank}."
        )
    return found
