"""The training of a run, the same in its worker and each of its peers: reads the data and trains."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from app.backbones.registry import Backbones
from app.data.datasets import Datasets
from app.run import Run
from app.settings import Settings
from lamp.config import TuneConfig
from lamp.data.checks import data_warnings
from lamp.data.column_roles import column_roles
from lamp.data.splits import Splits, prepare
from lamp.data.tables import Table
from lamp.errors import TrainingError
from lamp.training.run_digest import other_run, record_run
from storage.artifacts import ArtifactStore
from storage.errors import NotStored
from storage.home import Home
from storage.uploads import UploadStore

if TYPE_CHECKING:
    from lamp.training.reporter import Reporter
    from lamp.training.result import TrainResult


def train_job(
    settings: Settings, uploads: UploadStore, artifacts: ArtifactStore, run: Run, reporter: Reporter
) -> TrainResult:
    """Trains a run's prompt, from its last checkpoint if there is one. Raises LampError, StorageError."""
    config, home = run.config, Home(settings.work_home)
    reporter.phase("Loading the data")
    checkpoints = home.checkpoints(run.job.id)
    table, splits = rows_of(Datasets(uploads), run)
    if difference := other_run(checkpoints, config, splits):
        raise TrainingError(
            f"The checkpoints of this run have {difference}, so it cannot go on from them: start it again as a new run."
        )
    record_run(checkpoints, config, splits)
    for sentence in data_warnings(splits, column_roles(table, config.data.target_column), config.data.input_columns):
        reporter.note(sentence)
    reporter.phase("Loading the libraries")  # not at the top of the file, so that the heartbeat goes on meanwhile
    from lamp.training.train import train

    source = Backbones(settings).source(config.backbone)
    return train(
        config,
        splits,
        reporter,
        checkpoints,
        source,
        initial_prompt_folder(config, artifacts),
        home.tokens,
    )


def rows_of(datasets: Datasets, run: Run) -> tuple[Table, Splits]:
    """Returns a run's table, and its rows as they are split. Raises DataError, StorageError."""
    data = run.config.data
    table = datasets.table(run.job.dataset, run.job.dataset_name)
    own = [
        datasets.file(reference).table() if reference else None for reference in (data.validation_data, data.test_data)
    ]
    return table, prepare(table, data, *own)


def initial_prompt_folder(config: TuneConfig, artifacts: ArtifactStore) -> Path | None:
    """Returns the folder of the exported prompt that the recipe starts from; None if there is none or it was deleted.

    The recipe names a run and never a path, so it cannot lead out of the artifacts' folder.
    """
    if config.lamp.initial != "prompt":
        return None
    try:
        return artifacts.path(config.lamp.initial_prompt)
    except NotStored:
        return None
