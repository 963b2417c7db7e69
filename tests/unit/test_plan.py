"""A change of the form is looked at once: no data file and no weights header is opened twice; listing opens none."""

from __future__ import annotations

import shutil
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from app.data import dataset_file, datasets
from app.data.dataset_file import SAMPLES
from app.processes.conversion import convert_apart
from app.studio import Studio
from app.ui.tune import form_values
from app.ui.tune.tune_form import TuneForm
from lamp.config import TuneConfig
from lamp.data.tables import Table, read_table
from lamp.hub import catalog
from lamp.hub.safetensors_header import Tensors, stored_tensors
from storage.database import open_database
from storage.home import Home

REFERENCE = "HuggingFaceTB/SmolLM2-135M-Instruct"
SAMPLE = "sample:support-tickets.csv"
SAMPLE_FILE = str(SAMPLES / "support-tickets.csv")

_watched: list[Counter[str]] = []


def _is_table(path: str) -> bool:
    return path.endswith(".csv") or "uploads" in Path(path).parts


def _hook(event: str, arguments: tuple[Any, ...]) -> None:
    if event == "open" and _watched and not _is_table(str(arguments[0])):
        _watched[-1][str(arguments[0])] += 1


sys.addaudithook(_hook)  # sees every file that Python opens, and cannot be taken off again


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> Iterator[Counter[str]]:
    """How often each file is opened from here on, by a process that has read nothing before.

    Headers of weights are opened by safetensors' own code, so they are counted where it is called. Of tables it is
    counted how often they are read from their first line to the last.
    """
    for cached in (catalog._read_folder, datasets._sample_entry, dataset_file.opened_table, dataset_file._prepared):
        cached.cache_clear()
    counts: Counter[str] = Counter()

    def read_header(reference: str, path: Path) -> Tensors:
        counts[str(path)] += 1
        return stored_tensors(reference, path)

    def read_sample(path: Path) -> Table:
        counts[str(path)] += 1
        return read_table(path)

    def read_upload(path: Path, name: str, target: Path) -> None:
        counts[str(path)] += 1
        convert_apart(path, name, target)

    monkeypatch.setattr(catalog, "stored_tensors", read_header)
    monkeypatch.setattr(dataset_file, "read_table", read_sample)
    monkeypatch.setattr(datasets, "convert_apart", read_upload)
    _watched.append(counts)
    yield counts
    _watched.remove(counts)


@pytest.fixture
def copy(studio: Studio, tiny_llama: Path) -> Path:
    """A backbone in the home folder, which goes before the Hub's."""
    folder = studio.settings.home / "backbones" / REFERENCE.replace("/", "--")
    shutil.copytree(tiny_llama, folder)
    return folder


@pytest.fixture
def config(studio: Studio) -> TuneConfig:
    return TuneConfig(REFERENCE, studio.guess_columns(SAMPLE))


def test_a_plan_opens_each_file_once_and_the_next_one_none(
    studio: Studio, copy: Path, config: TuneConfig, opened: Counter[str]
) -> None:
    files = (SAMPLE_FILE, str(copy / "config.json"), str(copy / "model.safetensors"))
    plan = studio.plan(config, SAMPLE)
    assert plan.estimate is not None and plan.estimate.hidden_size == 32, plan.problems
    assert [opened[file] for file in files] == [1, 1, 1]
    opened.clear()
    longer = studio.plan(replace(config, train=replace(config.train, steps=7)), SAMPLE)
    assert longer.estimate is not None and longer.estimate.steps == 7
    assert [opened[file] for file in files] == [0, 0, 0]


def _stored(studio: Studio, reference: str) -> Path:
    """The file of an upload."""
    return Home(studio.settings.home).uploads / reference.removeprefix("upload:")


def _forget_tables(stored: Path) -> None:
    """Makes an upload what it was in an earlier version: without the table that was read from it."""
    for table in stored.parent.glob(f"{stored.name}.*"):
        table.unlink()


def _forget_shapes(studio: Studio, digests: list[str]) -> None:
    """Makes these uploads what they are in a database of an earlier version: without their rows and columns."""
    with open_database(studio.settings.database_url).write() as session:
        for digest in digests:
            session.execute(text("UPDATE uploads SET rows = NULL, columns = NULL WHERE sha256 = :d"), {"d": digest})


def form_of(config: TuneConfig) -> dict[str, Any]:
    """The values of the Tune page's form with this recipe."""
    values = {**form_values.values_of(config), "backbone.other": "", "dataset": SAMPLE, "gpus": 1}
    return {"backbone.choice": values.pop("backbone"), **values}


def test_a_look_at_the_form_opens_each_file_once(
    studio: Studio, copy: Path, config: TuneConfig, opened: Counter[str]
) -> None:
    values = form_of(config)
    shown = TuneForm(studio, list(values)).look(*values.values())
    assert "The first 8 of 451 rows" in shown.table and "causal" in shown.facts and "Ready to start" in shown.rail
    assert [opened[file] for file in (SAMPLE_FILE, str(copy / "model.safetensors"))] == [1, 1]


def test_a_refused_start_opens_each_file_once(
    studio: Studio, copy: Path, config: TuneConfig, opened: Counter[str]
) -> None:
    values = form_of(config) | {"train.steps": None, "lamp.rank": 900}
    run, rail, _ = TuneForm(studio, list(values)).start("", "", "", "", *values.values())
    assert run == "" and "2 things to put right" in rail and studio.jobs() == []
    assert [opened[file] for file in (SAMPLE_FILE, str(copy / "model.safetensors"))] == [1, 1]


def test_what_cannot_be_read_is_opened_once_as_well(
    studio: Studio, copy: Path, config: TuneConfig, tmp_path: Path, opened: Counter[str]
) -> None:
    table = tmp_path / "films.csv"
    table.write_text("text,label\n" + "good,yes\nbad,no\n" * 10)
    dataset = studio.add_dataset(table, table.name).reference
    stored = _stored(studio, dataset)
    _forget_tables(stored)
    stored.write_bytes(b"\x89PNG is no table")
    weights = copy / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-4])
    opened.clear()
    plan = studio.plan(replace(config, backbone=str(copy)), dataset)
    assert plan.preview is None and plan.estimate is None
    assert "is a PNG picture" in plan.unreadable
    assert [problem for problem in plan.problems if "model.safetensors" in problem]
    assert plan.problems[0] == plan.unreadable and len(plan.problems) == 2
    assert (opened[str(stored)], opened[str(weights)]) == (1, 1)


def test_uploads_are_listed_without_opening_them(studio: Studio, tiny_table: Path, opened: Counter[str]) -> None:
    entry = studio.add_dataset(tiny_table, "films.csv")
    assert (entry.name, entry.rows, entry.columns) == ("films.csv", 60, ("text", "label"))
    stored = _stored(studio, entry.reference)
    opened.clear()
    assert studio.datasets()[-1] == studio.dataset(entry.reference) == entry
    assert studio.guess_columns(entry.reference).target_column == "label"
    assert studio.plan(TuneConfig(), entry.reference).preview is not None
    assert opened[str(stored)] == 0, "the table that was made of it is read"


def test_an_upload_of_an_earlier_version_is_read_once_and_never_again(
    studio: Studio, tiny_table: Path, opened: Counter[str]
) -> None:
    entry = studio.add_dataset(tiny_table, "films.csv")
    stored = _stored(studio, entry.reference)
    _forget_shapes(studio, [stored.name])
    _forget_tables(stored)
    opened.clear()
    assert studio.datasets()[-1] == entry
    assert opened[str(stored)] == 1
    dataset_file.opened_table.cache_clear()
    restarted = Studio(studio.settings, open_database(studio.settings.database_url))
    assert restarted.datasets()[-1] == entry
    assert opened[str(stored)] == 1


def test_how_a_file_was_read_is_shown_with_its_first_rows(studio: Studio, copy: Path, tmp_path: Path) -> None:
    table = tmp_path / "films.csv"
    table.write_bytes(b"text,label\n" + "schön,gut\nübel,schlecht\n".encode("cp1252") * 10)
    dataset = studio.add_dataset(table, table.name).reference
    values = form_of(TuneConfig(REFERENCE, studio.guess_columns(dataset))) | {"dataset": dataset}
    shown = TuneForm(studio, list(values)).look(*values.values()).table
    assert "Read as Windows-1252." in shown and "schön" in shown


def test_uploads_whose_files_are_gone_or_broken_say_so_and_cost_only_themselves(
    studio: Studio, tmp_path: Path, opened: Counter[str]
) -> None:
    uploads = {}
    for name in ("gone", "gone of an earlier version", "broken", "whole"):
        table = tmp_path / name
        table.write_text(f"text,label\n{name},yes\n" + "good,yes\nbad,no\n" * 10)
        uploads[name] = studio.add_dataset(table, f"{name}.csv")
    files = {name: _stored(studio, entry.reference) for name, entry in uploads.items()}
    _forget_shapes(studio, [files["gone of an earlier version"].name, files["broken"].name])
    _forget_tables(files["broken"])
    files["gone"].unlink()
    files["gone of an earlier version"].unlink()
    files["broken"].write_bytes(b"")
    listed = {entry.name: entry for entry in studio.datasets() if entry.is_upload}
    assert {name for name, entry in listed.items() if not entry.problem} == {"whole.csv"}
    assert "upload it again" in listed["gone of an earlier version.csv"].problem and len(listed) == 4
    for name, sentence in (("gone", "upload it again"), ("broken", "is empty")):
        assert sentence in studio.plan(TuneConfig(), uploads[name].reference).unreadable
