"""An imported prompt stands among the runs as what it is, and is used like theirs."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from app.run import Run
from app.studio import Studio
from app.studio_parts.imports import PromptSource
from app.ui.runs.run_html import head
from lamp.config import DataConfig, LampConfig, TrainConfig, TuneConfig
from lamp.errors import BackboneError, ConfigError, DataError
from lamp.export.imported import ImportDetails
from lamp.inference.inspection import Inspection
from storage.errors import WrongState
from storage.jobs import JobState
from tests.foreign_prompts import Files, adapter, changed, exported, tokens, zipped

Take = Callable[..., str]


@pytest.fixture
def take(studio: Studio, tmp_path: Path) -> Take:
    """Imports files as a zip."""

    def take(files: Files, given: ImportDetails = ImportDetails(), name: str = "") -> str:  # noqa: B008  # frozen
        path = zipped(tmp_path / "films.zip", files)
        return studio.import_prompt(PromptSource(path, "films.zip"), given, name)

    return take


def test_an_exported_prompt_is_listed_as_imported_with_its_recipe_and_no_curve(
    studio: Studio, take: Take, tiny_llama: Path
) -> None:
    id = take(exported(str(tiny_llama)))
    (job,) = studio.jobs()
    assert (job.id, job.name, job.kind, job.state) == (id, "films", "imported", JobState.DONE)
    assert job.backbone == str(tiny_llama) and job.dataset_name == "acme/films" and job.step == 12
    assert job.config["made_from"]["prompt"] == {"file": "films.zip", "recipe": True, "factors": True}
    view = studio.run_view(id)
    assert not view.has_curves and view.can_try and not view.can_resume
    assert view.status.label == "Imported" and view.confusion is not None
    assert [event.reason for event in view.events] == ["Imported from films.zip."]
    assert studio.prompt_kind(id).labels == ("negative", "positive")
    assert studio.prompts() == [job]


def test_an_adapter_without_a_recipe_tells_nothing_that_is_not_known(
    studio: Studio, take: Take, tiny_llama: Path
) -> None:
    id = take(adapter(str(tiny_llama)), ImportDetails(labels=("no", "yes")), "of another program")
    facts = dict(studio.run_view(id).recipe)
    assert facts["Recipe"].startswith("not known")
    assert not {"Training", "Seed", "Data", "Computing"} & facts.keys()
    assert studio.job(id).name == "of another program" and studio.job(id).scores == {}
    assert studio.run_view(id).verdict is None
    assert 'class="ls-small">tiny-llama · imported <time' in head(studio.run_view(id))


def test_an_imported_prompt_is_tried_looked_into_scored_and_compared(
    studio: Studio, take: Take, tiny_llama: Path, tiny_table: Path
) -> None:
    first, second = (
        take(exported(str(tiny_llama))),
        take(adapter(str(tiny_llama)), ImportDetails(labels=("negative", "positive"))),
    )
    said: list[str] = []
    try:
        (answer,) = studio.try_prompt(first, ["the film was good"], said.append)
        assert answer.tuned in ("negative", "positive") and set(answer.tuned_probabilities) == {"negative", "positive"}
        assert isinstance(studio.look_into(first, said.append), Inspection)
        assert studio.inspection(first) is not None and len(studio.inspection(first).tokens) == 4
        dataset = studio.add_dataset(tiny_table, "films.csv").reference
        shares: list[float] = []
        scores = studio.score_imported(first, dataset, on_progress=lambda share, _: shares.append(share))
        studio.score_imported(second, dataset, "label")
        with pytest.raises(DataError, match="Prompts of 4 and 6 virtual tokens cannot be blended"):
            studio.score_mix(first, second, "blend", 0.5, lambda *_: None)
        with pytest.raises(DataError, match="Choose another run of the same model"):
            studio.score_mix(first, first, "after", 0.5, lambda *_: None)
        mix = studio.score_mix(first, second, "after", 0.5, lambda *_: None)
    finally:
        studio.close()
    results = studio.results(first)
    assert results is not None and len(results.answers) == 60 == scores["test_rows"]
    assert scores["accuracy"] == results.mean and studio.job(first).scores == scores
    assert mix.own == tuple(answer.score for answer in results.answers) and mix.of_rows == 60 and mix.learned is None
    assert studio.job(first).dataset == dataset and shares == sorted(shares)
    view = studio.run_view(first)
    assert view.confusion is None, "its maker's counts are of other rows"
    assert view.verdict is not None and "60 rows of films.csv" in view.verdict.heading
    assert view.verdict.text.endswith("Whether it has learned from these rows is not known here.")
    assert view.verdict.tone == ("good" if results.gain.low > 0 else "warn")
    compared, metric = studio.compare([first, second])
    assert metric == "accuracy" and all(one.results for one in compared)
    with pytest.raises(DataError, match="not known here"):
        studio.compare_ways(first)
    assert studio.worth(first) is None


def test_rows_with_other_answers_than_its_labels_are_refused(studio: Studio, take: Take, tiny_llama: Path) -> None:
    id = take(exported(str(tiny_llama)))
    table = studio.settings.home / "other.csv"
    table.write_text("text,label\ngood,neutral\nbad,negative\n")
    dataset = studio.add_dataset(table, "other.csv").reference
    with pytest.raises(DataError, match="'neutral', which is none of the prompt's labels"):
        studio.score_imported(id, dataset)
    with pytest.raises(ConfigError, match="no column 'kind'"):
        studio.score_imported(id, dataset, "kind")
    assert studio.results(id) is None


def test_a_run_can_start_from_an_imported_prompt_with_or_without_its_factors(
    studio: Studio, take: Take, tiny_llama: Path
) -> None:
    own = take(exported(str(tiny_llama)))
    bare = take({name: content for name, content in exported(str(tiny_llama)).items() if "factors" not in name})
    dataset = studio.datasets()[0].reference
    guess = studio.guess_columns(dataset)
    for id, (length, rank, pooling) in ((own, (20, 4, 5)), (bare, (4, 4, 1))):
        lamp = studio.run(id).config.lamp
        assert (lamp.prompt_length, lamp.rank, lamp.pooling) == (length, rank, pooling)
        start = LampConfig(length, rank, pooling, lamp.interactions, "prompt", initial_prompt=id)
        plan = studio.plan(TuneConfig(str(tiny_llama), guess, start, TrainConfig(steps=2)), dataset)
        assert plan.problems == ()


def test_an_imported_recipe_names_no_run_and_no_data_of_another_studio(
    take: Take, studio: Studio, tiny_llama: Path
) -> None:
    files = exported(str(tiny_llama))
    recipe = json.loads(files["recipe.json"])
    recipe["lamp"] |= {"initial": "prompt", "initial_prompt": "b0d150c419"}
    recipe["data"] |= {"validation_data": "upload:aa"}
    config = studio.run(take({**files, "recipe.json": json.dumps(recipe).encode()})).config
    assert (config.lamp.initial, config.lamp.initial_prompt, config.data.validation_data) == ("vocabulary", "", "")


def test_an_imported_prompt_is_exported_again_as_it_came(studio: Studio, take: Take, tiny_llama: Path) -> None:
    files = exported(str(tiny_llama))
    again = studio.import_prompt(PromptSource(studio.export(take(files)), "again.zip"))
    folder = studio.settings.home / "artifacts" / f"{again}.1"
    for name in ("adapter_model.safetensors", "lamp_factors.safetensors", "README.md"):
        assert (folder / name).read_bytes() == files[name], name


@pytest.mark.parametrize(
    ("change", "given", "error", "message"),
    [
        ({}, ImportDetails("/nowhere/at/all"), DataError, "a folder that is not on this machine"),
        ({"base_model_name_or_path": None}, ImportDetails(), (DataError, ConfigError), "backbone"),
        ({"task_type": "SEQ_2_SEQ_LM"}, ImportDetails(), DataError, "tuned for an encoder-decoder model"),
    ],
)
def test_a_prompt_of_another_backbone_is_one_sentence_and_nothing_is_kept(
    studio: Studio,
    take: Take,
    tiny_llama: Path,
    change: dict[str, object],
    given: ImportDetails,
    error: type[Exception],
    message: str,
) -> None:
    with pytest.raises(error, match=message):
        take(changed(adapter(str(tiny_llama)), "adapter_config.json", **change), given)
    assert studio.jobs() == [] and list((studio.settings.home / "artifacts").iterdir()) == []
    assert not list((studio.settings.home / "exports").iterdir())


def test_a_prompt_of_another_width_is_refused(studio: Studio, take: Take, tiny_llama: Path) -> None:
    with pytest.raises(DataError, match="16 numbers wide"):
        take(adapter(str(tiny_llama), tokens(width=16)))


def test_a_backbone_that_cannot_be_read_is_its_own_sentence(studio: Studio, take: Take, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(BackboneError, match=r"config\.json"):
        take(adapter(str(tmp_path / "empty")))


def test_either_a_zip_or_an_id_is_given(studio: Studio, tmp_path: Path) -> None:
    for source in (PromptSource(), PromptSource(tmp_path / "a.zip", "a.zip", "acme/prompt")):
        with pytest.raises(DataError, match="either the Hub id of a prompt or its zip"):
            studio.import_prompt(source)
    with pytest.raises(DataError, match="is no Hub id"):
        studio.import_prompt(PromptSource(id="not/a hub id"))


def test_the_longest_input_of_an_adapter_without_a_recipe_fits_its_backbone(
    studio: Studio, take: Take, tiny_llama: Path
) -> None:
    limit = json.loads((tiny_llama / "config.json").read_text())["max_position_embeddings"]
    data = studio.run(take(adapter(str(tiny_llama)))).config.data
    assert data.max_input_tokens == limit - 6 - data.max_target_tokens


def test_an_imported_prompt_cannot_be_extended_or_resumed_and_is_deleted_like_a_run(
    studio: Studio, take: Take, tiny_llama: Path
) -> None:
    id = take(exported(str(tiny_llama)))
    with pytest.raises(WrongState, match="was not trained here"):
        studio.extend(id, 100)
    studio.delete(id)
    assert studio.jobs() == []
    assert Run.of(studio.restore(id)).imported


def test_a_process_that_dies_over_a_file_is_one_sentence(
    studio: Studio, take: Take, tiny_llama: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.processes.importing._MEMORY", 1)
    monkeypatch.setattr("app.processes.importing.sys.executable", "/bin/false")
    with pytest.raises(DataError, match="could not be read: it is damaged"):
        take(exported(str(tiny_llama)))


def test_columns_of_a_template_are_what_is_asked_for(studio: Studio, take: Take, tiny_llama: Path) -> None:
    id = take(adapter(str(tiny_llama)), ImportDetails(template="{question}\n{context}"))
    assert studio.run(id).config.data == DataConfig(
        ("question", "context"),
        "answer",
        "{question}\n{context}",
        task="generation",
        max_input_tokens=studio.run(id).config.data.max_input_tokens,
    )
