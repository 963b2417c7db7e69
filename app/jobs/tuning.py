"""What a run does once it has a process: reads its data and trains, in its worker and in whoever trains along."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from app.backbones import Backbones
from app.datasets import Datasets
from app.settings import Settings
from lamp.config import TuneConfig
from lamp.data.splits import prepare
from lamp.data.tables import read_table
from storage.artifacts import ArtifactStore
from storage.errors import NotStored
from storage.home import Home
from storage.jobs import Job
from storage.uploads import UploadStore

if TYPE_CHECKING:
    from lamp.training.reporter import Reporter
    from lamp.training.result import TrainResult


def train_job(
    settings: Settings, uploads: UploadStore, artifacts: ArtifactStore, job: Job, reporter: Reporter
) -> TrainResult:
    """Trains a run's prompt, from its last checkpoint if there is one. Raises LampError, StorageError."""
    config, home = TuneConfig.from_dict(job.config), Home(settings.home)
    reporter.phase("Loading the data")
    table = read_table(Datasets(uploads).path(job.dataset), job.dataset_name)
    reporter.phase("Loading the libraries")  # here and not at the top, so that the pulse beats meanwhile
    from lamp.training.train import train

    source = Backbones(settings).source(config.backbone)
    return train(
        config,
        prepare(table, config.data),
        reporter,
        home.checkpoints(job.id),
        source,
        _first_prompt(config, artifacts),
        home.tokens,
    )


def _first_prompt(config: TuneConfig, artifacts: ArtifactStore) -> Path | None:
    """The exported prompt of the run that a recipe starts from, if it is there; never a path out of the recipe."""
    if config.lamp.initial != "prompt":
        return None
    try:
        return artifacts.path(config.lamp.initial_prompt)
    except NotStored:
        return None
