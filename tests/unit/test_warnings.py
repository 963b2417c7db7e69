"""What the Tune page warns of, and what it shows of long rows."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from app.studio import Studio
from app.ui.tune import summary
from lamp.config import DataConfig, TuneConfig


def added(studio: Studio, folder: Path, rows: list[str]) -> str:
    """The reference of a stored data set of two columns."""
    file = folder / "rows.csv"
    file.write_text("\n".join(["text,answer", *rows]), encoding="utf-8")
    return studio.add_dataset(file, file.name).reference


def page(studio: Studio, backbone: Path, dataset: str) -> str:
    """What the page says of a data set."""
    config = TuneConfig(str(backbone), DataConfig(("text",), "answer"))
    plan = studio.plan(config, dataset)
    return summary.data_table(plan, config) + summary.what_it_learns(plan, config) + summary.rail(config, plan)


def test_targets_that_will_be_cut_are_told_before_the_start(studio: Studio, tiny_llama: Path, tmp_path: Path) -> None:
    rows = [f"question {row},{'the film was very good ' * (30 if row % 4 else 1)}{row}" for row in range(40)]
    html = page(studio, tiny_llama, added(studio, tmp_path, rows))
    assert "Ready to start" in html
    sentence = (
        r"Targets longer than 64 tokens are cut: (\d+) of 32 to learn from, (\d+) of 4 for validation and (\d+) of 4 "
    )
    cut = re.search(sentence + r"for the test, such as row \d+ \(", html)
    assert cut and sum(map(int, cut.groups())) == 30
    assert "Answers will end there too" in html


def test_inputs_that_will_be_cut_are_told_with_an_example_row(studio: Studio, tiny_llama: Path, tmp_path: Path) -> None:
    rows = [f"question {row} {'the film was very good ' * (99 if row == 7 else 1)},answer {row}" for row in range(40)]
    config = TuneConfig(str(tiny_llama), DataConfig(("text",), "answer"))
    (warning,) = studio.plan(config, added(studio, tmp_path, rows)).warnings
    assert warning.startswith("Inputs longer than 256 tokens are cut: 1 of ")
    assert "such as row 8 ('text: question 7 the film was" in warning


def test_labels_are_never_said_to_be_cut(studio: Studio, tiny_llama: Path, tmp_path: Path) -> None:
    dataset = added(studio, tmp_path, [f"question {row},{('yes', 'no')[row % 2]}" for row in range(40)])
    config = TuneConfig(str(tiny_llama), DataConfig(("text",), "answer", max_target_tokens=2))
    plan = studio.plan(config, dataset)
    assert plan.warnings == () and plan.fields[plan.problems[0]] == "data.max_target_tokens"


def test_good_rows_start_without_a_warning(studio: Studio, tiny_llama: Path, tmp_path: Path) -> None:
    html = page(studio, tiny_llama, added(studio, tmp_path, [f"question {row},answer {row * 3}" for row in range(40)]))
    assert "Ready to start" in html and "Worth a look" not in html


def test_a_warning_keeps_nothing_from_starting(studio: Studio, tiny_llama: Path, tmp_path: Path) -> None:
    dataset = added(studio, tmp_path, [f"question {row} by p{row}@example.org,answer {row * 3}" for row in range(40)])
    html = page(studio, tiny_llama, dataset)
    assert "Ready to start" in html and "Worth a look" in html and "an e-mail address" in html


def test_the_warnings_of_an_unchanged_data_set_are_not_made_again(
    studio: Studio, tiny_llama: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dataset = added(studio, tmp_path, [f"p{row}@example.org,answer {row * 3}" for row in range(40)])
    first = page(studio, tiny_llama, dataset)
    monkeypatch.setattr("app.data.dataset_file.data_warnings", lambda *_: pytest.fail("searched again"))
    assert page(studio, tiny_llama, dataset) == first


def test_a_row_to_try_is_whole_where_the_preview_cuts_it(studio: Studio, tmp_path: Path) -> None:
    long = "word " * 150 + "end"
    dataset = added(studio, tmp_path, [f"{long},answer {row}" for row in range(20)])
    assert studio.first_rows(dataset)[0]["text"] == long
    plan = studio.plan(TuneConfig(data=DataConfig(("text",), "answer")), dataset)
    assert plan.preview is not None and plan.preview.rows[0]["text"].endswith("…")
