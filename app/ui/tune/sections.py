"""Layout of the Tune page's four sections."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import Any, NamedTuple

import gradio as gr

from app.data.datasets import DatasetEntry
from app.ui import help_texts, parts
from app.ui.components import piece
from app.ui.tune import advanced, column_table, drop_zone, recipe_fields
from app.ui.tune.advanced import Advanced, Form

SECTIONS = {
    "data": ("Your examples", "A table with one example a row: what goes in, and the answer you want."),
    "task": ("What it will learn", "One row as the model reads it."),
    "model": ("The model", "It stays as it is: a prompt put before your text learns to steer it."),
    "training": (
        "How thorough",
        "More steps take longer and often answer better. The learning rate is found by itself.",
    ),
}
"""Sections of the page, in order: name → heading and the sentence below it."""


class DataSection(NamedTuple):
    """What the page wires of the first section."""

    drop: gr.HTML
    file: gr.File
    samples: gr.Radio
    chosen: gr.Column
    """The place for app.ui.tune.dataset_manager."""
    hub: gr.Accordion
    """The place for app.ui.tune.hub_search."""
    message: gr.HTML
    """How adding a data set went."""
    preview: gr.HTML


class ModelSection(NamedTuple):
    """What the page wires of the third section."""

    search: gr.Column
    """The place for app.ui.tune.backbone_search."""
    facts: gr.HTML
    storage: gr.Column
    """The place for app.ui.tune.backbone_storage."""


class TrainingSection(NamedTuple):
    """What the page wires of the last section."""

    preset: gr.Radio
    own: gr.Column
    """The place for app.ui.tune.own_presets."""
    advanced: Advanced


def contents() -> str:
    """The links to the sections, which stay in sight; `problem_marks` marks what is done."""
    links = "".join(
        f'<li><a href="#section-{name}" data-goto data-section="{name}">{escape(heading)}</a></li>'
        for name, (heading, _) in SECTIONS.items()
    )
    return f'<nav aria-label="Sections of this page"><ol>{links}</ol></nav>'


def section(name: str) -> gr.Column:
    """A section with its heading; more is laid out in it."""
    heading, below = SECTIONS[name]
    column: gr.Column
    with gr.Column(elem_id=f"section-{name}", elem_classes="ls-section") as column:
        number = list(SECTIONS).index(name) + 1
        piece(
            f'<div class="ls-section-head"><span aria-hidden="true">{number}</span><div>'
            f"<h2>{escape(heading)}</h2><p>{escape(below)}</p>{help_texts.unfolding(name)}</div></div>"
        )
    return column


def data_section(form: Form, samples: Sequence[DatasetEntry]) -> DataSection:
    """Lays out the choice of the data set and its columns and adds their components to `form`."""
    with section("data"):
        drop, file = drop_zone.layout()
        message = piece(elem_id="upload-said", elem_classes="ls-slot")
        piece(parts.small("No table at hand? Begin with a sample:"))
        cards = gr.Radio(
            [(drop_zone.sample_card(entry), entry.reference) for entry in samples],
            label="Samples",
            show_label=False,
            elem_id="samples",
            elem_classes="ls-cards",
            container=False,
        )
        with gr.Accordion("Find one on the Hugging Face Hub", open=False, elem_id="hub") as hub:
            pass
        form["dataset"] = gr.Dropdown([], label="Data set", elem_id="dataset", info="Samples, and what you added.")
        with gr.Column(elem_classes="ls-dataset-about") as chosen:
            pass
        # Chosen in the table's header; these two hold the choice.
        form["data.input_columns"] = gr.Dropdown(
            [], label="Input columns", multiselect=True, elem_id="inputs", visible="hidden"
        )
        form["data.target_column"] = gr.Dropdown([], label="Target column", elem_id="target", visible="hidden")
        preview = piece(elem_id="preview", script=column_table.SCRIPT, min_height=380)
    return DataSection(drop, file, cards, chosen, hub, message, preview)


def task_section() -> gr.HTML:
    """Lays out the place for what will be learned."""
    with section("task"):
        return piece(elem_id="task", min_height=160)


def model_section(form: Form) -> ModelSection:
    """Lays out the choice of the backbone and adds its components to `form`."""
    with section("model"):
        form["backbone.choice"] = gr.Radio(
            [], show_label=False, container=False, elem_id="backbone", elem_classes="ls-cards", label="Model"
        )
        form["backbone.other"] = gr.Textbox(
            label="Name on the Hub, or folder",
            placeholder="part of a name, org/name or /path/to/folder",
            visible=False,
            max_lines=1,
            elem_id="other-backbone",
            info="Models of the Hub with this in their names appear as you type. They need weights in safetensors.",
        )
        with gr.Column(elem_id="backbone-search") as search:
            pass
        facts = piece(elem_id="backbone-facts", min_height=60)
        with gr.Column(elem_id="backbone-storage") as storage:
            pass
    return ModelSection(search, facts, storage)


def training_section(form: Form) -> TrainingSection:
    """Lays out how long and how the prompt is trained and adds the components to `form`."""
    with section("training"):
        preset = gr.Radio(
            list(recipe_fields.PRESETS),
            value="Recommended",
            label="How thorough",
            elem_id="preset",
            show_label=False,
            container=False,
            elem_classes=["ls-cards", "ls-three"],
        )
        with gr.Column(elem_id="own-presets") as own:
            pass
        return TrainingSection(preset, own, advanced.layout(form))


def texts_of(name: gr.Textbox, section: TrainingSection) -> list[Any]:
    """The fields of `browser_storage.TEXTS`."""
    return [name, section.advanced.note, section.advanced.tags]
