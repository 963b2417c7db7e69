"""What the Tune page shows of a recipe: its columns, what it learns, how long it takes, and the method."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest

from app.studio import Studio
from app.ui.tune import column_table, drop_zone, form_values, method_figure, own_presets, recipe_fields, summary
from app.ui.tune.prefill import FormContent
from app.ui.tune.task_html import task
from app.ui.tune.tune_form import TuneForm
from app.views.plan import Plan, Preview, Quote, ReadRow
from lamp.config import DataConfig, LampConfig, TrainConfig, TuneConfig

DATA = DataConfig(("subject", "body"), "desk")
PREVIEW = Preview(
    dataset_name="mails.csv",
    columns=("subject", "body", "desk", "<day>"),
    column_roles=(),
    rows=({"subject": "Late", "body": "It is <b>late</b>", "desk": "post", "<day>": "1"},),
    row_count=20,
    read=(ReadRow(3, "Late", "", "", "post"),),
    task="classification",
    labels={"post": 12, "bank": 8},
    train_rows=16,
    validation_rows=2,
    test_rows=2,
    notes=(),
)


def test_each_heading_says_what_its_column_is_for_and_offers_the_other_roles() -> None:
    html = column_table.table(PREVIEW, DATA)
    assert re.findall(r'data-role="(\w+)"', html) == ["reads", "reads", "answers", "ignored"]
    assert html.count("<option") == 12 and html.count(" selected>") == 4
    assert "<b>late" not in html and "<day>" not in html and 'aria-label="What &lt;day&gt; is for"' in html


@pytest.mark.parametrize(
    ("data", "labels", "sentence"),
    [
        (DATA, {"a": 1, "b": 1}, "Reads subject and body, picks one of 2 labels of desk."),
        (DataConfig(("a", "b", "c"), "d"), {}, "Reads a, b and c, writes d."),
        (DataConfig(("<a>",), "d"), {}, "Reads &lt;a&gt;, writes d."),
    ],
)
def test_one_sentence_says_what_is_learned(data: DataConfig, labels: dict[str, int], sentence: str) -> None:
    html = task(replace(PREVIEW, labels=labels), TuneConfig(data=data))
    assert sentence in html.replace("<b>", "").replace("</b>", "")


def test_a_row_shows_what_of_it_is_not_read() -> None:
    rows = (PREVIEW.read[0], ReadRow(9, "The head <", " and its rest", "\ndesk:", "bank"))
    html = task(replace(PREVIEW, read=rows), TuneConfig(data=DATA))
    assert "The head &lt;<del> and its rest</del>\ndesk:" in html
    assert "Row 9, of which the end is not read" in html and "an input has 256 tokens at most" in html
    assert "<del>" not in task(PREVIEW, TuneConfig(data=DATA))


def test_of_a_very_long_text_the_beginning_and_the_end_are_shown() -> None:
    html = task(replace(PREVIEW, read=(ReadRow(1, "a" * 5000 + "z", "", "", "post"),)), TuneConfig(data=DATA))
    assert "3,801 more characters" in html and "az " in html and len(html) < 4000


def test_a_long_row_of_a_data_set_is_shown_as_it_will_be_cut(studio: Studio, tiny_llama: Path, tmp_path: Path) -> None:
    file = tmp_path / "rows.csv"
    texts = [f"question {row} {'and more ' * (400 if row % 4 == 0 else 1)}" for row in range(40)]
    file.write_text("text,answer\n" + "".join(f"{text},{row % 2}\n" for row, text in enumerate(texts)))
    config = TuneConfig(str(tiny_llama), DataConfig(("text",), "answer", test_share=0))
    preview = studio.plan(config, studio.add_dataset(file, file.name).reference).preview
    assert preview is not None
    *_, longest = preview.read
    assert longest.number % 4 == 1 and longest.cut.count("and more") > 100
    assert longest.text.startswith(f"text: question {longest.number - 1} ") and longest.end.endswith("answer:")


def test_the_presets_say_how_long_they_take_where_that_is_known(studio: Studio, tiny_llama: Path) -> None:
    class Pace:
        def seconds(self, train: TrainConfig) -> float:
            return train.steps * 3.0

    dataset = studio.datasets()[0].reference
    config = TuneConfig(str(tiny_llama), studio.guess_columns(dataset))
    plan = studio.plan(config, dataset)
    assert plan.estimate is not None
    assert [text.split("\n")[2][:5] for text, _ in summary.presets(plan, config)] == ["About"] * 3
    assert not any("minute" in text for text, _ in summary.presets(plan, config))
    quote = Quote(600.0, 10**9, True, False, (), True, Pace())
    timed = replace(plan, estimate=replace(plan.estimate, quote=quote))
    assert [text.split("\n")[2] for text, _ in summary.presets(timed, config)] == [
        "About 3 minutes, 1.0 GB of memory.",
        "About 10 minutes, 1.0 GB of memory.",
        "About 50 minutes, 1.0 GB of memory.",
    ]
    assert [text.count("\n") for text, _ in summary.presets(Plan(("No.",), None, None), config)] == [1, 1, 1]


def test_the_figure_follows_the_numbers() -> None:
    figure = method_figure.figure(LampConfig(prompt_length=60, rank=4, pooling=3, interactions=3), 576)
    for size in ("U 60×4", "q 4", "V 4×576", "M 4×4, K = 3", "l = 60", "20 virtual tokens", "I + G + G²", "2,548"):
        assert size in figure
    assert "V 8×d" in method_figure.figure(LampConfig(), None)
    assert "plain product" in method_figure.figure(LampConfig(interactions=1), 576)
    assert method_figure.figure(LampConfig(initial="text"), 576) != ""


@pytest.mark.parametrize("wrong", [LampConfig(pooling=7), LampConfig(rank=900), LampConfig(prompt_length=0)])
def test_numbers_that_do_not_fit_each_other_have_no_figure(wrong: LampConfig) -> None:
    assert method_figure.figure(wrong, 576) == ""


def test_every_sample_has_a_card_that_says_what_is_in_it(studio: Studio) -> None:
    cards = [drop_zone.sample_card(entry) for entry in studio.datasets()]
    assert cards[0].startswith("Support tickets\n451 messages") and cards[1].startswith("Plain English\n139 sentences")


def test_a_preset_of_ones_own_keeps_nothing_that_belongs_to_one_data_set() -> None:
    left_out = {field.key for field in recipe_fields.FIELDS} - set(own_presets.KEPT)
    assert left_out == {"data.template", "data.validation_data", "data.test_data", "lamp.initial_prompt"}


def test_columns_of_a_draft_that_are_not_there_are_named(studio: Studio) -> None:
    form, dataset = TuneForm(studio, list(form_values.values_of(TuneConfig()))), studio.datasets()[0].reference
    content, said = form.with_its_columns(FormContent(TuneConfig(data=DATA), dataset))
    assert (content.config.data.input_columns, content.config.data.target_column) == (("text",), "label")
    assert said == (
        "The data set has no columns 'subject', 'body' and 'desk': 'text' is read and 'label' answered instead."
    )
    assert form.with_its_columns(content) == (content, "")
    nowhere = FormContent(TuneConfig(data=DATA), "upload:gone")
    assert form.with_its_columns(nowhere) == (nowhere, "")
