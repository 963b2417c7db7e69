"""The boxes of the Try tab: rows of the data that are filled in, and settings of texts."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import gradio as gr
import pytest

from app.answering.answer import Answer
from app.answering.prompt_kind import PromptKind, prompt_kind
from app.studio import Studio
from app.ui.runs import answers, try_tab
from app.ui.runs.fill_row import FillRow
from app.ui.runs.sampling_boxes import sampling_of
from app.ui.runs.try_tab import TryTab
from lamp.config import DataConfig, TuneConfig
from lamp.data.splits import prepare
from lamp.data.tables import read_table
from lamp.errors import ConfigError, DataError
from lamp.inference.answers import RowAnswer, write_answers
from lamp.sampling import Sampling
from storage.database import open_database
from storage.home import Home
from storage.jobs import JobState, JobStore


def kind_of(voters: int) -> PromptKind:
    """What a prompt is that picks "a" or "b"."""
    return PromptKind(("a", "b"), voters, 8, encoder_decoder=False, auto_class="AutoModelForCausalLM", chat=("", ""))


def test_a_row_is_filled_in_whole_and_it_is_said_whether_the_run_learned_from_it(
    studio: Studio, tmp_path: Path
) -> None:
    file = tmp_path / "films.csv"
    rows = [f"{'a very long film ' * 50}number {number},{('good', 'bad')[number % 2]}" for number in range(40)]
    file.write_text("\n".join(["text,label", *rows]))
    dataset = studio.add_dataset(file, "films.csv").reference
    config = TuneConfig("a backbone", replace(DataConfig(("text",), "label"), validation_share=0.3, test_share=0.3))
    store = JobStore(open_database(studio.settings.database_url))
    job = store.add("films", config.to_dict(), dataset, "films.csv", 10)
    rows_of_run = FillRow(studio, studio.run(job.id))
    learned = {example.row for example in prepare(read_table(file), config.data).train}
    assert {row in learned for row in range(8)} == {True, False}
    said = []
    for place in range(8):
        row, number, cell = rows_of_run.numbered(f" {place + 1} ")
        assert cell == ("a very long film " * 50) + f"number {place}" and row.target == ("good", "bad")[place % 2]
        assert number == str(place + 1)
        said.append(rows_of_run.origin(row))
    sentences = ["learned from." if place in learned else "not learned from." for place in range(8)]
    assert said == [
        f'<p class="ls-small">Filled in: row {n} of 40 of films.csv, {words}</p>'
        for n, words in enumerate(sentences, 1)
    ]
    row, number, cell = rows_of_run.random()
    assert int(number) == row.number and cell.endswith(f"number {row.number - 1}")
    answer = RowAnswer(33, "", "good", "good", 1.0, 0.9, "bad", 0.0)
    Home(studio.settings.home).answers(job.id).parent.mkdir()
    write_answers([answer], Home(studio.settings.home).answers(job.id))
    row, number, cell = rows_of_run.tested()
    assert number == "34" and "one of those that the prompt was scored on: not learned from." in rows_of_run.origin(row)


@pytest.mark.parametrize("number", ["", "0", "41", "-3", "two", "1.5", "9" * 30])
def test_a_row_that_is_not_there_is_one_sentence(studio: Studio, tmp_path: Path, number: str) -> None:
    file = tmp_path / "films.csv"
    file.write_text("text,label\n" + "\n".join(f"film {row},{('good', 'bad')[row % 2]}" for row in range(40)))
    dataset = studio.add_dataset(file, "films.csv").reference
    config = TuneConfig("a backbone", DataConfig(("text",), "label"))
    job = JobStore(open_database(studio.settings.database_url)).add("films", config.to_dict(), dataset, "films.csv", 10)
    with pytest.raises(DataError, match="number of the row must be"):
        FillRow(studio, studio.run(job.id)).numbered(number)


def test_runs_with_a_prompt_for_the_same_inputs_can_answer_beside(studio: Studio) -> None:
    store = JobStore(open_database(studio.settings.database_url))
    recipes = {
        "first": TuneConfig("acme/tiny", DataConfig(("text",), "label")),
        "same": TuneConfig("acme/tiny", DataConfig(("text",), "other")),
        "another model": TuneConfig("acme/small", DataConfig(("text",), "label")),
        "other columns": TuneConfig("acme/tiny", DataConfig(("title", "text"), "label")),
    }
    ids = {}
    for name, config in recipes.items():
        ids[name] = store.add(name, config.to_dict(), "sample:x.csv", "x.csv", 10).id
        store.claim("here", [0])
        store.finish(ids[name], JobState.DONE, artifact=ids[name], step=10)
        store.release(ids[name])
    store.add("without a prompt", recipes["first"].to_dict(), "sample:x.csv", "x.csv", 10)
    assert [job.name for job in studio.beside(ids["first"])] == ["same"]


def test_answers_of_other_runs_stand_beside_each_other() -> None:
    answer = Answer("text: a", "good", "", {"good": 0.75, "bad": 0.25}, {})
    html = answers.beside_html([("<one>", answer), ("two", "It is gone.")])
    assert "&lt;one&gt;" in html and "<p>good</p>" in html and "75.0 % sure" in html and "It is gone." in html
    assert answers.beside_html([]) == ""


def test_the_boxes_give_the_settings_or_a_sentence_for_each_that_cannot_be_read() -> None:
    assert sampling_of(["0.0", "1.0", "0", "64"]) == Sampling(longest_answer=64)
    assert sampling_of(["0,7", "0.9", "3", "12"]) == Sampling(0.7, 0.9, 3, 12)
    with pytest.raises(ConfigError) as refused:
        sampling_of(["warm", "1", "1.5", ""])
    assert refused.value.problems == (
        "The temperature must be a number, not 'warm'.",
        "The seed must be a whole number, not '1.5'.",
        "The longest answer must be a whole number, not ''.",
    )


def test_a_prompt_tells_what_it_answers_with(tmp_path: Path) -> None:
    description = tmp_path / "lamp_config.json"
    (tmp_path / "adapter_config.json").write_text('{"task_type": "CAUSAL_LM"}')
    for labels in ([], ["good", "bad"]):
        description.write_text(json.dumps({"labels": labels, "hidden_size": 8}))
        kind = prompt_kind(tmp_path)
        assert (kind.labels, kind.voters, kind.width) == (tuple(labels), 1, 8) and kind.writes_texts is not bool(labels)
    description.write_text("{")
    with pytest.raises(DataError, match="does not hold a whole exported prompt"):
        prompt_kind(tmp_path)


@pytest.mark.parametrize("kind", [kind_of(3), replace(kind_of(1), labels=())])
def test_every_box_that_has_a_value_from_the_start_can_be_changed(studio: Studio, kind: PromptKind) -> None:
    config = TuneConfig("a backbone", DataConfig(("text",), "label"))
    store = JobStore(open_database(studio.settings.database_url))
    job = store.add("films", config.to_dict(), "sample:x.csv", "films.csv", 10)
    with gr.Blocks() as page:
        try_tab._build_boxes(studio, studio.run(job.id), kind)
    boxes = [box for box in page.blocks.values() if isinstance(box, gr.Textbox | gr.Radio | gr.Dropdown) and box.value]
    assert [box.label for box in boxes if not box.interactive] == []
    assert len(boxes) == (2 if kind.labels else 5)


def test_where_several_prompts_vote_the_choice_of_who_answers_reaches_the_studio(
    studio: Studio, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = TuneConfig("a backbone", DataConfig(("text",), "label"))
    store = JobStore(open_database(studio.settings.database_url))
    job = store.add("films", config.to_dict(), "sample:x.csv", "films.csv", 10)
    asked: list[bool] = []

    def try_prompt(*_: object, vote: bool) -> list[Answer]:
        asked.append(vote)
        return [Answer("dull", "bad", "good", {"bad": 1.0}, {"good": 1.0})]

    monkeypatch.setattr(studio, "try_prompt", try_prompt)
    tab = TryTab(studio, studio.run(job.id), kind_of(3))
    for who in ("best", "vote"):
        assert "bad" in list(tab.answer(None, [], "dull", who))[-1]
    list(TryTab(studio, studio.run(job.id), kind_of(1)).answer(None, [], "dull", "vote"))
    assert asked == [False, True, False]
