"""The score that a run is reported by: of rows that chose nothing, for the prompt and for the untrained backbone."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from lamp.config import TuneConfig
from lamp.inference.answers import read_answers, write_answers
from lamp.inference.scores import split_scores
from lamp.training import final_scores
from tests.unit.training import recipe, run, splits_of


def written(config: TuneConfig, **changes: object) -> TuneConfig:
    data = replace(config.data, task="generation", max_target_tokens=6)
    return replace(config, data=replace(data, **changes))  # type: ignore[arg-type]  # fields of any type


def test_labels_are_tested_on_rows_that_chose_nothing(tiny_llama: Path, tiny_table: Path, tmp_path: Path) -> None:
    config = recipe(tiny_llama)
    result, recorder = run(config, tiny_table, tmp_path)
    final, test = result.final, splits_of(config, tiny_table).test
    assert final.part == "test" and final.rows == len(test) == len(final.answers) == 6
    for answer, example in zip(final.answers, test, strict=True):
        assert (answer.row, answer.input, answer.expected) == (
            example.row,
            example.text.removesuffix(example.template_suffix).strip(),
            example.target,
        )
        assert answer.score == (answer.answer == answer.expected)
        assert answer.untrained_score == (answer.untrained_answer == answer.expected)
        assert answer.confidence is not None and 0.5 <= answer.confidence <= 1
    assert final.scores["accuracy"] == sum(answer.score for answer in final.answers) / 6
    assert final.untrained_scores["accuracy"] == sum(answer.untrained_score for answer in final.answers) / 6
    assert final.confusion is not None and sum(map(sum, final.confusion.counts)) == 6
    merged = final.merged()
    assert merged["test_rows"] == 6 and split_scores(merged) == (final.scores, final.untrained_scores, {})
    assert any(note.startswith("On 6 test rows with the prompt: accuracy") for note in recorder.notes)


def test_without_test_rows_the_validation_rows_stand_in_and_it_is_said(
    tiny_llama: Path, tiny_table: Path, tmp_path: Path
) -> None:
    config = recipe(tiny_llama)
    config = replace(config, data=replace(config.data, test_share=0.0))
    result, recorder = run(config, tiny_table, tmp_path)
    assert (result.final.part, result.final.rows) == ("validation", 12)
    best = {step: values["validation/loss"] for step, values in recorder.values if "validation/loss" in values}
    assert result.final.scores["loss"] == pytest.approx(best[result.best_step], abs=1e-5)


@pytest.mark.parametrize("most", [4, 100])
def test_texts_are_written_with_and_without_the_prompt_for_as_many_rows_as_asked(
    most: int, tiny_llama: Path, tiny_table: Path, tmp_path: Path
) -> None:
    result, _ = run(written(recipe(tiny_llama), max_written_rows=most), tiny_table, tmp_path)
    final = result.final
    assert final.rows == 6 and len(final.answers) == min(most, 6)
    assert {"loss", "rouge_l", "exact_match"} <= final.scores.keys() == final.untrained_scores.keys()
    assert all(answer.confidence is None and 0 <= answer.score <= 1 for answer in final.answers)
    assert final.scores["rouge_l"] == pytest.approx(sum(a.score for a in final.answers) / len(final.answers))


def test_a_stopped_run_is_tested_too_but_writes_no_texts(tiny_llama: Path, tiny_table: Path, tmp_path: Path) -> None:
    result, _ = run(recipe(tiny_llama), tiny_table, tmp_path / "labels", stop_after=7)
    assert result.stopped and result.final.part == "test" and len(result.final.answers) == 6
    result, _ = run(written(recipe(tiny_llama)), tiny_table, tmp_path / "texts", stop_after=7)
    assert result.stopped and result.final.part == "test"
    assert result.final.scores.keys() == {"loss", "perplexity"} and not result.final.answers


def test_a_stopped_run_whose_test_takes_too_long_keeps_its_validation_scores(
    tiny_llama: Path, tiny_table: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(final_scores, "_SECONDS_AFTER_STOP", -1.0)
    result, recorder = run(recipe(tiny_llama), tiny_table, tmp_path, stop_after=7)
    assert result.stopped and result.final.part == "validation" and not result.final.answers
    assert result.final.scores["loss"] == recorder_loss(recorder.values, result.best_step)
    assert any("those of the validation rows stand in" in note for note in recorder.notes)


def recorder_loss(values: list[tuple[int, dict[str, float]]], at: int) -> float:
    return next(one["validation/loss"] for step, one in values if step == at and "validation/loss" in one)


def test_answers_are_read_back_as_they_were_written(tiny_llama: Path, tiny_table: Path, tmp_path: Path) -> None:
    result, _ = run(recipe(tiny_llama), tiny_table, tmp_path / "run")
    odd = replace(result.final.answers[0], input="Zürich\u2028\ud800 🙂", expected='"quoted"\n')
    write_answers([odd, *result.final.answers[1:]], tmp_path / "answers.jsonl")
    assert read_answers(tmp_path / "answers.jsonl") == (odd, *result.final.answers[1:])
    assert len((tmp_path / "answers.jsonl").read_text().splitlines()) == 6
    assert json.loads((tmp_path / "answers.jsonl").read_text().splitlines()[0])["row"] == odd.row
    assert read_answers(tmp_path / "none.jsonl") == ()
