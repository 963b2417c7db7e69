"""Checks whether a run may start from the prompt of another one."""

from __future__ import annotations

from app.run import Run
from lamp.config import TuneConfig
from lamp.errors import ConfigError
from storage.artifacts import ArtifactStore
from storage.errors import StorageError
from storage.jobs import JobStore


def initial_prompt_problems(config: TuneConfig, store: JobStore, artifacts: ArtifactStore) -> list[str]:
    """Why a recipe cannot start from the run that it names; empty when it can, or names none."""
    if config.lamp.initial != "prompt" or not config.lamp.initial_prompt.strip():
        return []
    try:
        run = Run.of(store.get(config.lamp.initial_prompt))
        artifacts.path(run.job.id)
    except (StorageError, ConfigError) as error:
        return [str(error)]
    name, origin = run.job.name, run.config
    problems = []
    if origin.backbone != config.backbone:
        problems.append(
            f"The prompt of {name!r} was trained for {origin.backbone}: choose that backbone, or start "
            "from something else."
        )
    length, rank = origin.lamp.prompt_length, origin.lamp.rank
    if (length, rank) != (config.lamp.prompt_length, config.lamp.rank):
        problems.append(
            f"The prompt of {name!r} has {length} tokens of rank {rank}: set the prompt length to "
            f"{length} and the rank to {rank}."
        )
    return problems
