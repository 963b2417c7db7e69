"""The boxes of the Try tab: rows of the data that are filled in, and settings of texts."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from app.answering.answer import Answer
from app.answering.prompt_kind import PromptKind, prompt_kind
from app.studio import Studio
from app.ui.runs.sampling_boxes import sampling_of
from app.ui.runs.try_tab import TryTab
from lamp.config import DataConfig, TuneConfig
from lamp.data.splits import prepare
from lamp.data.tables import read_table
from lamp.errors import ConfigError, DataError
from lamp.sampling import Sampling
from storage.database import open_database
from storage.jobs import JobStore


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
    tab = TryTab(studio, studio.run(job.id), PromptKind(("a", "b"), 1, 8))
    learned = {example.row for example in prepare(read_table(file), config.data).train}
    assert {row in learned for row in range(8)} == {True, False}
    number, said = 0, []
    for place in range(8):
        expected, number, cell = tab.row(number)
        assert cell == ("a very long film " * 50) + f"number {place}" and expected == (cell, ("good", "bad")[place % 2])
        said.append(tab.origin(number))
    sentences = ["learned from." if place in learned else "not learned from." for place in range(8)]
    assert said == [
        f'<p class="ls-small">Filled in: row {n} of films.csv, {words}</p>' for n, words in enumerate(sentences, 1)
    ]
    assert tab.row(number)[1] == 9 and "row 1 of" in tab.origin(9), "after the last one comes the first"


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


def test_a_prompt_tells_whether_it_writes_texts(tmp_path: Path) -> None:
    description = tmp_path / "lamp_config.json"
    for labels in ([], ["good", "bad"]):
        description.write_text(json.dumps({"labels": labels, "hidden_size": 8}))
        kind = prompt_kind(tmp_path)
        assert kind == PromptKind(tuple(labels), 1, 8) and kind.writes_texts is not bool(labels)
    description.write_text("{")
    with pytest.raises(DataError, match="does not hold a whole exported prompt"):
        prompt_kind(tmp_path)


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
    tab = TryTab(studio, studio.run(job.id), PromptKind(("a", "b"), 3, 8))
    for who in ("best", "vote"):
        assert "bad" in list(tab.answer(("", ""), "dull", who))[-1]
    list(TryTab(studio, studio.run(job.id), PromptKind(("a", "b"), 1, 8)).answer(("", ""), "vote"))
    assert asked == [False, True, False]
