"""Data sets that people added are renamed and deleted on the Tune page; runs outlive them."""

from __future__ import annotations

import gzip
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from app.studio import Studio
from app.ui.tune.dataset_manager import DatasetManager
from app.ui.tune.tune_form import TuneForm
from lamp.config import TuneConfig
from lamp.errors import DataError
from storage.database import open_database
from storage.errors import WrongState
from storage.jobs import JobState, JobStore

SAMPLE = "sample:support-tickets.csv"


@pytest.fixture
def manager(studio: Studio) -> DatasetManager:
    return DatasetManager(studio, TuneForm(studio, ()))


def visible(shown: list[Any]) -> bool:
    return bool(shown[1].visible)


def test_only_what_people_added_can_be_renamed_or_deleted(
    studio: Studio, manager: DatasetManager, tiny_table: Path
) -> None:
    added = studio.add_dataset(tiny_table, "films.csv").reference
    assert visible(manager.show(added)) and manager.show(added)[2] == "films"
    assert not any(visible(manager.show(other)) for other in (SAMPLE, "", None, "upload:" + "0" * 64))
    assert "There is no uploaded file" in manager.delete(SAMPLE)[-1]
    assert "There is no uploaded file" in manager.rename(SAMPLE, "other")[-1]


@pytest.mark.parametrize("name", ["films.csv", "films.v2.CSV", "films.csv.gz"])
def test_a_renamed_data_set_is_read_as_before(
    studio: Studio, manager: DatasetManager, tiny_table: Path, tmp_path: Path, name: str
) -> None:
    file = tmp_path / name
    file.write_bytes(gzip.compress(tiny_table.read_bytes()) if name.endswith(".gz") else tiny_table.read_bytes())
    added = studio.add_dataset(file, name)
    before, ending = studio.first_rows(added.reference), name.removeprefix(added.stem)
    dropdown, stem, said = manager.rename(added.reference, "  reviews 2.0 ")
    assert (stem, dropdown.value) == ("reviews 2.0", added.reference) and f"called reviews 2.0{ending} now" in said
    assert any(label == f"reviews 2.0{ending} · 60 rows" for label, _ in dropdown.choices)
    assert studio.first_rows(added.reference) == before
    assert studio.rename_dataset(added.reference, f"again{ending}").name == f"again{ending}"
    assert "it cannot be empty" in manager.rename(added.reference, f" {ending}")[-1]


def test_a_deleted_data_set_leaves_nothing_and_the_first_sample_is_chosen(
    studio: Studio, manager: DatasetManager, tiny_table: Path
) -> None:
    added = studio.add_dataset(tiny_table, "films.csv").reference
    studio.plan(TuneConfig(), added)
    tokens = studio.settings.home / "tokens"
    tokens.mkdir()
    (tokens / "of-some-rows.safetensors").write_bytes(b"x")
    chosen, *_, said = manager.delete(added)
    assert chosen.value == SAMPLE and "films.csv is gone; support-tickets.csv is chosen now." in said
    assert not any(value == added for _, value in chosen.choices)
    assert list((studio.settings.home / "uploads").iterdir()) == list(tokens.iterdir()) == []
    assert "upload it again" in studio.plan(TuneConfig(), added).unreadable


def test_a_broken_data_set_is_named_as_such_and_can_be_deleted(
    studio: Studio, manager: DatasetManager, tiny_table: Path
) -> None:
    added = studio.add_dataset(tiny_table, "films.csv").reference
    (studio.settings.home / "uploads" / added.removeprefix("upload:")).unlink()
    assert visible(manager.show(added))
    labels = [label for label, _ in TuneForm(studio, ()).list_datasets(SAMPLE).choices]
    assert "films.csv · cannot be read" in labels and len(labels) == 3
    assert "is gone" in manager.delete(added)[-1]
    assert [entry.reference for entry in studio.datasets() if entry.is_upload] == []


def test_a_run_that_has_ended_outlives_its_data_set_and_says_what_it_lacks_to_go_on(
    studio: Studio, manager: DatasetManager, tiny_table: Path, tiny_llama: Path
) -> None:
    added = studio.add_dataset(tiny_table, "films.csv").reference
    config = TuneConfig(str(tiny_llama), studio.guess_columns(added))
    stopped, done = studio.submit(config, added, "the stopped one"), studio.submit(config, added, "the one done")
    with pytest.raises(WrongState, match="cannot be deleted while the run"):
        studio.delete_dataset(added)
    assert "cannot be deleted while the run" in manager.delete(added)[-1] and studio.dataset(added).rows == 60
    studio.stop(stopped)
    store = JobStore(open_database(studio.settings.database_url))
    store.claim("here", [0])
    store.finish(done, JobState.DONE)
    studio.delete_dataset(added)
    assert studio.run_view(stopped).dataset_name == studio.run_view(done).dataset_name == "films.csv"
    with pytest.raises(DataError, match=r"'films.csv' of the run 'the stopped one' is gone: add the same file again"):
        studio.resume(stopped)
    with pytest.raises(DataError, match=r"'films.csv' of the run 'the one done' is gone"):
        studio.extend(done, 10_000)
    studio.add_dataset(tiny_table, "films.csv")
    assert studio.resume(stopped).state is JobState.QUEUED


def test_a_run_misses_its_own_validation_and_test_data_too_before_it_goes_on(
    studio: Studio, tiny_table: Path, tiny_llama: Path
) -> None:
    added = studio.add_dataset(tiny_table, "films.csv").reference
    header, *rows = tiny_table.read_text().splitlines(keepends=True)
    for part in ("validation", "test"):
        (own := tiny_table.with_name(f"{part}.csv")).write_text(header + "".join(rows[:20]))
        held_out = studio.add_dataset(own, own.name).reference
        data = replace(studio.guess_columns(added), **{f"{part}_data": held_out})  # type: ignore[arg-type]  # texts
        run = studio.submit(TuneConfig(str(tiny_llama), data), added, "the stopped one")
        studio.stop(run)
        studio.delete_dataset(held_out)
        with pytest.raises(DataError, match=f"^The {part} data of the run 'the stopped one' is gone: add the same fil"):
            studio.resume(run)
        assert studio.job(run).state is JobState.STOPPED
        studio.add_dataset(own, own.name)
        assert studio.resume(run).state is JobState.QUEUED
        studio.stop(run)
