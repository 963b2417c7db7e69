"""Which labels are mistaken for which: counted right, kept with the prompt, shown as it is."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.ui.runs.confusion_table import confusion_table
from lamp.errors import DataError
from lamp.export.saved_prompt import save_prompt
from lamp.inference.confusion_matrix import CONFUSION, ConfusionMatrix, count_confusions, read_confusion
from tests.unit.training import recipe, run

REFERENCES = ["a", "a", "a", "b", "b", "c"]
PREDICTIONS = ["a", "a", "b", "b", "a", "b"]


def test_rows_are_targets_and_columns_are_answers() -> None:
    found = count_confusions(["b", "a", "c"], REFERENCES, PREDICTIONS)
    assert found == ConfusionMatrix(("b", "a", "c"), ((1, 1, 0), (1, 2, 0), (1, 0, 0)))


def test_precision_recall_and_f1_of_each_label_are_scikit_learns() -> None:
    from sklearn.metrics import precision_recall_fscore_support

    labels = ["a", "b", "c"]
    ours = count_confusions(labels, REFERENCES, PREDICTIONS).per_label()
    theirs = precision_recall_fscore_support(REFERENCES, PREDICTIONS, labels=labels, zero_division=0)
    for number, score in enumerate(ours):
        assert (score.precision, score.recall, score.f1, score.rows) == pytest.approx(
            tuple(column[number] for column in theirs)
        )


def test_a_trained_prompt_brings_the_confusion_of_its_best_step_even_after_a_resume(
    tiny_llama: Path, tiny_table: Path, tmp_path: Path
) -> None:
    config = recipe(tiny_llama)
    whole, _ = run(config, tiny_table, tmp_path / "whole")
    run(config, tiny_table, tmp_path / "parts", 11)
    resumed, _ = run(config, tiny_table, tmp_path / "parts")
    assert whole.final.confusion is not None and whole.final.confusion == resumed.final.confusion
    counts = whole.final.confusion.counts
    right = sum(counts[number][number] for number in range(len(counts)))
    assert right / sum(map(sum, counts)) == pytest.approx(whole.final.scores["accuracy"])
    folder = tmp_path / "exported"
    folder.mkdir()
    save_prompt(whole, config, folder)
    assert read_confusion(folder) == whole.final.confusion
    score = whole.final.confusion.per_label()[0]
    assert f"| {score.label} | {score.rows} | {score.precision:.4g} |" in (folder / "README.md").read_text()


def test_a_damaged_file_is_one_sentence_and_a_missing_one_is_nothing(tmp_path: Path) -> None:
    assert read_confusion(tmp_path) is None
    (tmp_path / CONFUSION).write_text('{"labels": 3}')
    with pytest.raises(DataError, match=r"confusion.json cannot be read"):
        read_confusion(tmp_path)


def test_the_picture_escapes_labels_and_names_the_worst_mistake_where_there_are_many_labels() -> None:
    assert "&lt;b&gt;" in confusion_table(ConfusionMatrix(("<b>", "y"), ((1, 0), (0, 1))))
    assert confusion_table(None) == ""
    many = tuple(f"label {number}" for number in range(20))
    counts = [[0] * 20 for _ in many]
    counts[3][3], counts[3][7], counts[3][8] = 5, 2, 1
    page = confusion_table(ConfusionMatrix(many, tuple(map(tuple, counts))))
    assert (
        'data-expected="label 3" data-answered="label 7"' in page and 'data-expected="label 3" data-answered=""' in page
    )
    assert "label 7 (2)" in page and "label 8 (1)" not in page and "62 %" in page
