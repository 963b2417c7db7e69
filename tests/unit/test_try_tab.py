"""The boxes of the Try tab: rows of the data that are filled in, and settings of texts."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from app.answering.prompt_kind import prompt_kind
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
    tab = TryTab(studio, studio.run(job.id))
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


def test_a_prompt_tells_what_it_answers_with(tmp_path: Path) -> None:
    description = tmp_path / "lamp_config.json"
    (tmp_path / "adapter_config.json").write_text('{"task_type": "CAUSAL_LM"}')
    for labels in ([], ["good", "bad"]):
        description.write_text(json.dumps({"labels": labels}))
        assert prompt_kind(tmp_path).labels == tuple(labels)
    description.write_text("{")
    with pytest.raises(DataError, match="does not hold a whole exported prompt"):
        prompt_kind(tmp_path)
