"""Where a data set was fetched from is kept with it, and stands in everything that is made of it."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import pytest
from huggingface_hub import ModelCard
from sqlalchemy import text

from app.data.datasets import Datasets
from app.jobs import worker
from app.jobs.heartbeat import Heartbeat
from app.jobs.job_reporter import JobReporter
from app.jobs.journal import Journal
from app.jobs.tracking import Tracking
from app.studio import Studio
from app.ui.tune.dataset_manager import DatasetManager
from app.ui.tune.tune_form import TuneForm
from lamp.config import TuneConfig
from lamp.data.source import DataSource
from storage.artifacts import ArtifactStore
from storage.database import open_database
from storage.home import Home
from storage.jobs import JobStore
from storage.uploads import UploadStore
from tests.unit.training import recipe

SOURCE = DataSource("acme/films", "en", "train", "3f2a91c5d0" * 4)


@pytest.fixture
def datasets(studio: Studio) -> Datasets:
    database = open_database(studio.settings.database_url)
    return Datasets(UploadStore(database, Home(studio.settings.home).uploads))


def test_the_part_and_the_commit_of_a_data_set_are_kept_with_it(
    studio: Studio, datasets: Datasets, tiny_table: Path
) -> None:
    own = studio.add_dataset(tiny_table, "films.csv")
    assert own.source is None and datasets.source(own.reference) is None
    fetched = datasets.add(tiny_table, "films.csv", SOURCE)
    assert fetched.reference == own.reference and fetched.source == SOURCE
    assert datasets.source(fetched.reference) == SOURCE == studio.dataset(fetched.reference).source
    again = studio.add_dataset(tiny_table, "other.csv")
    assert again.source == SOURCE, "the same rows again are still those of the Hub"
    assert datasets.source("upload:" + "0" * 64) is None and datasets.source("sample:support-tickets.csv") is None
    with open_database(studio.settings.database_url).read() as session:
        stored = session.scalars(text("SELECT source FROM uploads")).one()
        assert json.loads(stored)["revision"] == SOURCE.revision


def test_the_page_names_it_below_the_chosen_data_set_and_the_runs_page_in_the_recipe(
    studio: Studio, datasets: Datasets, tiny_table: Path, tiny_llama: Path
) -> None:
    reference = datasets.add(tiny_table, "films.csv", SOURCE).reference
    shown = DatasetManager(studio, TuneForm(studio, ())).show(reference)[0]
    assert f"acme/films/tree/{SOURCE.revision}" in shown and "subset en, split train, revision 3f2a91c5d0" in shown
    job = studio.submit(TuneConfig(str(tiny_llama), studio.guess_columns(reference)), reference)
    assert ("From the Hub", str(SOURCE)) in studio.run_view(job).recipe


def test_the_model_card_of_a_run_names_the_data_set_and_its_commit(
    studio: Studio, datasets: Datasets, tiny_table: Path, tiny_llama: Path
) -> None:
    database, home = open_database(studio.settings.database_url), Home(studio.settings.home)
    store, artifacts = JobStore(database), ArtifactStore(home.artifacts)
    reference = datasets.add(tiny_table, "films.csv", SOURCE).reference
    job = store.add("a run", recipe(tiny_llama, steps=1).to_dict(), reference, "films.csv", 1)
    heartbeat = Heartbeat(store, job.id, 1, home.log(job.id), Journal(home.checkpoints(job.id) / "journal.jsonl"))
    reporter = JobReporter(heartbeat, Tracking(studio.settings, job, print))
    worker.tune(studio.settings, UploadStore(database, home.uploads), job, reporter, artifacts)
    card = (artifacts.path(job.id) / "README.md").read_text()
    assert "Trained on [acme/films](https://huggingface.co/datasets/acme/films), subset `en`, split `train`" in card
    assert f"revision `{SOURCE.revision}`." in card
    assert ModelCard(card).data.to_dict()["datasets"] == ["acme/films"]
    made = json.loads((artifacts.path(job.id) / "recipe.json").read_text())["made_from"]
    assert made == {"data": asdict(SOURCE)}
    config = TuneConfig(str(tiny_llama), studio.guess_columns(reference))
    assert studio.recipe_file(config, reference) == config.to_dict() | {"made_from": {"data": asdict(SOURCE)}}
