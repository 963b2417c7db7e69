"""Each column is proposed as read, answered or ignored, and the reason is one that a person can check."""

from __future__ import annotations

import json
import random
import re
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import gradio as gr
import pytest

from app.studio import Studio
from app.ui.tune import summary
from app.ui.tune.tune_form import TuneForm
from lamp.config import DataConfig, TuneConfig
from lamp.data.column_roles import CHAT_TEMPLATES, column_roles, guess_columns, plain_reading
from lamp.data.tables.chat_rows import CHAT_NOTE
from tests.unit.tables_of import table_of

ROWS = range(40)
TEXTS = [f"the film number {row} was long" for row in ROWS]
LABELS = [("bad", "good")[row % 2] for row in ROWS]


def _hash(row: int) -> str:
    return f"{random.Random(row).getrandbits(64):016x}"


IGNORED: dict[str, tuple[str, Callable[[int], object], str]] = {
    "row numbers of pandas": ("Unnamed: 0", lambda row: row, "numbers the rows"),
    "row numbers of pandas, shuffled": ("__index_level_0__", lambda row: row * 7 % 40, "numbers the rows"),
    "row numbers by any name": ("no", lambda row: row + 1, "numbers the rows"),
    "ids": ("customer_id", lambda row: f"c{row % 9}", "holds ids"),
    "UUIDs": ("reference", lambda row: f"{_hash(row)[:8]}-{_hash(row)[8:12]}-{_hash(row)[12:]}", "holds a code"),
    "hashes": ("checksum", _hash, "holds a code"),
    "order numbers": ("order", lambda row: 100_000 + row * 37, "holds a code"),
    "dates": ("day", lambda row: f"2024-03-{row % 28 + 1:02}", "holds dates"),
    "German dates": ("Datum", lambda row: f"{row % 28 + 1}.3.2024", "holds dates"),
    "written dates": ("when", lambda row: f"March {row % 28 + 1}, 2024", "holds dates"),
    "Google's times": ("Timestamp", lambda row: f"2024/03/01 9:{row:02}:33 AM GMT+1", "holds dates"),
    "times of a database": ("at", lambda row: f"2024-03-01 10:{row:02}:00+00", "holds dates"),
    "times": ("at", lambda row: f"2024-03-01T10:{row:02}:00Z", "holds dates"),
    "addresses": ("writer", lambda row: f"p{row}@example.org", "holds e-mail addresses"),
    "nothing": ("remark", lambda row: "", "is empty in every row"),
    "the label in words": ("label_text", lambda row: ("awful", "great")[row % 2], "gives 'label' away"),
    "a finer label": ("stars", lambda row: (1, 4, 2, 5)[row % 4], "gives 'label' away"),
    "the label again": ("gold", lambda row: ("Bad", "Good")[row % 2], "says the same as 'label'"),
}


@pytest.mark.parametrize("kind", IGNORED)
def test_a_column_that_says_nothing_or_says_too_much_is_ignored_with_the_reason(kind: str) -> None:
    name, cell, reason = IGNORED[kind]
    columns: dict[str, list[object]] = {name: [cell(row) for row in ROWS], "text": [*TEXTS], "label": [*LABELS]}
    roles = {role.column: role for role in column_roles(table_of(**columns))}
    assert (roles[name].role, roles["text"].role, roles["label"].role) == ("ignored", "read", "answered")
    assert roles[name].reason.startswith(reason)
    assert bool(roles[name].leak) == reason.startswith(("gives", "says"))


@pytest.mark.parametrize(
    "cell",
    [
        lambda row: f"it is {row % 3} of 3",
        lambda row: f"{row * 1.7:.1f}",
        lambda row: row % 7,
        lambda row: row * row,
        lambda row: ("red", "blue", "green")[row % 3],
        lambda row: f"PS{row % 5}",
        lambda row: f"I wrote to p{row}@example.org on 2024-03-01",
    ],
    ids=["text", "numbers", "few numbers", "many numbers", "words", "names", "texts with addresses and dates"],
)
def test_a_column_that_may_tell_something_is_read(cell: Callable[[int], object]) -> None:
    roles = column_roles(table_of(extra=[cell(row) for row in ROWS], text=TEXTS, label=LABELS))
    assert [role.role for role in roles] == ["read", "read", "answered"]


def test_texts_that_stand_many_times_are_read_although_they_determine_the_label() -> None:
    texts = [f"text number {row // 4}" for row in ROWS]
    labels = [("bad", "good")[row // 4 % 2] for row in ROWS]
    assert guess_columns(table_of(text=texts, extra=[row % 3 for row in ROWS], label=labels)) == DataConfig(
        ("text", "extra"), "label"
    )


def test_where_nothing_else_is_left_what_would_be_ignored_is_read() -> None:
    assert guess_columns(table_of(id=ROWS, label=LABELS)) == DataConfig(("id",), "label")
    leaking = table_of(label_text=[("awful", "great")[row % 2] for row in ROWS], id=ROWS, label=LABELS)
    assert guess_columns(leaking) == DataConfig(("id",), "label")


def test_a_text_is_read_rather_than_row_numbers_though_each_goes_with_one_label() -> None:
    texts = [("It went badly", "It went well")[row % 2] for row in ROWS]
    table = table_of(Id=ROWS, Comment=texts, Label=LABELS)
    assert guess_columns(table) == DataConfig(("Comment",), "Label")
    roles = {role.column: role for role in column_roles(table)}
    assert roles["Id"].role == "ignored" and roles["Comment"].leak.startswith("gives 'Label' away")


def test_the_last_column_that_is_not_ignored_is_answered_where_no_name_tells() -> None:
    assert guess_columns(table_of(question=TEXTS, reply=TEXTS[::-1], day=["2024-03-01"] * 40)) == DataConfig(
        ("question",), "reply"
    )


def test_a_column_gives_away_the_target_that_is_chosen_and_not_another() -> None:
    table = table_of(text=TEXTS, label=LABELS, label_text=[("awful", "great")[row % 2] for row in ROWS])
    by_target = {target: [role.role for role in column_roles(table, target)] for target in ("label_text", "text")}
    assert by_target == {"label_text": ["read", "ignored", "answered"], "text": ["answered", "read", "read"]}


def test_of_a_large_table_rows_everywhere_are_looked_at() -> None:
    rows = range(30_000)
    labels = [("bad", "good")[row >= 15_000] for row in rows]
    table = table_of(
        text=[f"text {row}" for row in rows], code=[("awful", "great")[row >= 15_000] for row in rows], label=labels
    )
    assert guess_columns(table) == DataConfig(("text",), "label")


@pytest.fixture
def leaking(studio: Studio, tmp_path: Path) -> str:
    """A stored data set whose column label_text gives the label away."""
    file = tmp_path / "films.csv"
    lines = [
        f"{row},{text},{label},{('awful', 'great')[row % 2]}"
        for row, text, label in zip(ROWS, TEXTS, LABELS, strict=True)
    ]
    file.write_text("\n".join(["Unnamed: 0,text,label,label_text", *lines]))
    return studio.add_dataset(file, file.name).reference


def test_the_page_tells_which_columns_are_left_out_and_why(studio: Studio, leaking: str) -> None:
    data = studio.guess_columns(leaking)
    assert data == DataConfig(("text",), "label")
    plan = studio.plan(TuneConfig(data=data), leaking)
    assert plan.preview and plan.warnings == ()
    html = summary.data_table(plan, TuneConfig(data=data))
    assert re.search(
        'Unnamed: 0</span>.*?<option value="ignored" selected>ignored</option></select><small>numbers the rows', html
    )
    assert "<small>gives &#x27;label&#x27; away" in html


def test_whoever_chooses_a_column_that_gives_the_target_away_is_warned(studio: Studio, leaking: str) -> None:
    config = TuneConfig(data=DataConfig(("text", "label_text"), "label"))
    plan = studio.plan(config, leaking)
    (warning,) = plan.warnings
    assert warning.startswith("The input column 'label_text' gives 'label' away")
    assert "Worth a look" in summary.data_table(plan, config) and "1 thing" not in summary.rail(config, plan)
    assert "One thing in the examples is worth a look" in summary.rail(config, plan)


@pytest.mark.parametrize(
    ("columns", "inputs", "target"),
    [
        (("prompt", "completion"), ("prompt",), "completion"),
        (("instruction", "input", "output"), ("instruction", "input"), "output"),
        (("response", "question"), ("question",), "response"),
        (("instruction", "context", "response", "category"), ("instruction", "context"), "response"),
        (("prompt", "chosen", "rejected"), ("prompt",), "chosen"),
    ],
)
def test_columns_of_instruction_data_are_known_by_their_names(
    columns: tuple[str, ...], inputs: tuple[str, ...], target: str
) -> None:
    table = table_of(**{name: [f"the {name} of row {row} is this" for row in ROWS] for name in columns})
    assert plain_reading(guess_columns(table)) == DataConfig(inputs, target)


def test_what_prodigy_writes_beside_a_choice_is_not_answered() -> None:
    table = table_of(text=TEXTS, _task_hash=[row * 77 - 9 for row in ROWS], accept=LABELS, answer=["accept"] * 40)
    assert guess_columns(table) == DataConfig(("text",), "accept")


def test_a_column_that_ends_with_the_answer_is_not_read_and_one_that_holds_it_somewhere_is() -> None:
    answers = [f"answer number {row}" for row in ROWS]
    table = table_of(
        instruction=[f"Ask for {row}" for row in ROWS],
        passage=[f"Here is answer number {row} among other words." for row in ROWS],
        output=answers,
        text=[f"### Instruction: Ask for {row} ### Response: answer number {row}" for row in ROWS],
    )
    roles = {role.column: role for role in column_roles(table)}
    assert (roles["text"].role, roles["text"].reason) == ("ignored", "ends with 'output'")
    assert (roles["instruction"].role, roles["passage"].role) == ("read", "read")


@pytest.mark.parametrize(
    ("columns", "notes", "config"),
    [
        (("input", "target"), (CHAT_NOTE,), DataConfig(("input",), "target", "{input}", "chat")),
        (("input", "target"), (), DataConfig(("input",), "target")),
        (("prompt", "completion"), (), DataConfig(("prompt",), "completion", "{prompt}", "chat")),
        (("instruction", "output"), (), DataConfig(("instruction",), "output", "{instruction}", "chat")),
        (
            ("instruction", "input", "output"),
            (),
            DataConfig(("instruction", "input"), "output", "{instruction}\n\n{input}", "chat"),
        ),
        (("input", "output"), (), DataConfig(("input",), "output")),
    ],
)
def test_chat_data_is_to_be_read_in_the_chat_format(
    columns: tuple[str, ...], notes: tuple[str, ...], config: DataConfig
) -> None:
    cells = [[f"{name} of the long row {row}" for row in ROWS] for name in columns]
    table = replace(table_of(**dict(zip(columns, cells, strict=True))), notes=notes)
    assert guess_columns(table) == config
    assert config.template in {"", *CHAT_TEMPLATES}
    assert plain_reading(config) == DataConfig(config.input_columns, config.target_column)


def test_chat_data_is_read_in_the_chat_format_where_the_backbone_has_a_template(
    studio: Studio, tiny_llama: Path, tmp_path: Path
) -> None:
    file = tmp_path / "chat.jsonl"
    turns = [[{"role": "user", "content": f"row {row}"}, {"role": "assistant", "content": LABELS[row]}] for row in ROWS]
    file.write_text("\n".join(json.dumps({"messages": messages}) for messages in turns))
    dataset = studio.add_dataset(file, file.name).reference
    instruct = tmp_path / "instruct"
    shutil.copytree(tiny_llama, instruct)
    (instruct / "chat_template.jinja").write_text("{{ messages[0]['content'] }}:")
    chat = DataConfig(("input",), "target", "{input}", "chat")
    plain = DataConfig(("input",), "target")
    for backbone, config in ((str(instruct), chat), (str(tiny_llama), plain), ("", plain)):
        assert studio.guess_columns(dataset, backbone) == config

    form = TuneForm(studio, [])
    skipped = [gr.skip(), gr.skip()]
    assert form.reading(dataset, str(instruct), "", "") == ["{input}", "chat"]
    assert form.reading(dataset, "", str(instruct), "{input} and more") == skipped, "somebody wrote it"
    assert form.reading(dataset, str(tiny_llama), "", "") == skipped
    assert form.reading(dataset, str(tiny_llama), "", "{input}") == ["", "plain"]
    assert form.reading("sample:support-tickets.csv", str(instruct), "", "{input}") == ["", "plain"]
    assert form.reading("upload:gone", str(instruct), "", "") == skipped
    plan = studio.plan(TuneConfig(str(instruct), chat), dataset)
    assert plan.preview is not None and plan.preview.notes == (CHAT_NOTE,) and plan.problems == ()
