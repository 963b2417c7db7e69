"""A run goes on from its own checkpoints and from no others."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from app.jobs.tuning import train_job
from app.studio import Studio
from lamp.config import TrainConfig, TuneConfig
from lamp.data.splits import Example
from lamp.errors import TrainingError
from lamp.training.run_digest import other_run, record_run
from storage.artifacts import ArtifactStore
from storage.database import open_database
from storage.home import Home
from storage.uploads import UploadStore
from tests.unit.training import Recorder, recipe, splits_of


@pytest.fixture
def checkpoints(tiny_llama: Path, tiny_table: Path, tmp_path: Path) -> Path:
    """A folder with a checkpoint of `recipe(tiny_llama)` on `tiny_table`."""
    folder = tmp_path / "other" / "checkpoints"
    (folder / "step-00000005").mkdir(parents=True)
    record_run(folder, recipe(tiny_llama), splits_of(recipe(tiny_llama), tiny_table))
    return folder


def test_the_same_run_is_known_also_with_more_steps_or_less_memory(
    checkpoints: Path, tiny_llama: Path, tiny_table: Path
) -> None:
    splits = splits_of(recipe(tiny_llama), tiny_table)
    for changes in ({}, {"steps": 99}, {"patience": 3, "checkpoint_every": 1}, {"gradient_checkpointing": True}):
        assert other_run(checkpoints, recipe(tiny_llama, **changes), splits) == ""


def test_another_recipe_is_told_with_its_first_difference(
    checkpoints: Path, tiny_llama: Path, tiny_table: Path
) -> None:
    config = recipe(tiny_llama, learning_rate=0.5)
    splits = splits_of(config, tiny_table)
    assert other_run(checkpoints, config, splits) == "train.learning_rate 0.04 instead of 0.5"
    other = replace(config, lamp=replace(config.lamp, rank=2), data=replace(config.data, template="x" * 99 + "{text}"))
    assert other_run(checkpoints, other, splits) == (
        f"data.template '' instead of '{'x' * 38}…, and another lamp.rank, train.learning_rate"
    )


def test_other_rows_and_rows_in_other_parts_are_told(checkpoints: Path, tiny_llama: Path, tiny_table: Path) -> None:
    config = recipe(tiny_llama)
    splits = splits_of(config, tiny_table)
    (first, second, *others) = splits.train
    for train in (
        (second, first, *others),
        (first, *others),
        (Example(first.text, first.target + " ", ""), second, *others),
    ):
        assert other_run(checkpoints, config, replace(splits, train=tuple(train))) == "other rows"
    moved = replace(splits, train=splits.train[:-1], validation=(splits.train[-1], *splits.validation))
    assert other_run(checkpoints, config, moved) == "other rows"


def test_a_folder_that_tells_no_run_or_has_no_checkpoint_is_free(
    checkpoints: Path, tiny_llama: Path, tiny_table: Path
) -> None:
    config = recipe(tiny_llama, seed=7)
    splits = splits_of(config, tiny_table)
    assert other_run(checkpoints, config, splits)
    (checkpoints / "step-00000005").rename(checkpoints / ".step-00000005-killed")
    assert other_run(checkpoints, config, splits) == ""
    (checkpoints / ".step-00000005-killed").rename(checkpoints / "step-00000005")
    for content in ("", "[]", '{"recipe": 3, "rows": ""}'):
        (checkpoints / "run.json").write_text(content)
        assert other_run(checkpoints, config, splits) == ""


def test_a_worker_does_not_go_on_from_another_runs_checkpoints(
    studio: Studio, checkpoints: Path, tiny_llama: Path
) -> None:
    dataset = studio.datasets()[0].reference
    config = TuneConfig(str(tiny_llama), studio.guess_columns(dataset), train=TrainConfig(steps=1, precision="fp32"))
    run, home = studio.run(studio.submit(config, dataset)), Home(studio.settings.home)
    home.checkpoints(run.job.id).parent.mkdir(exist_ok=True)
    checkpoints.rename(home.checkpoints(run.job.id))
    uploads = UploadStore(open_database(studio.settings.database_url), home.uploads)
    with pytest.raises(TrainingError, match=r"of this run have data\.validation_share 0\.2 instead of 0\.1"):
        train_job(studio.settings, uploads, ArtifactStore(home.artifacts), run, Recorder())
