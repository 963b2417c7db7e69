"""Layout of the Tune page's four steps."""

from __future__ import annotations

from typing import Any, NamedTuple

import gradio as gr

from app.ui import parts
from app.ui.components import piece
from app.ui.tune import recipe_fields
from app.ui.tune.form_components import fields
from lamp.data.tables import ENDINGS, KINDS

Form = dict[str, Any]
"""Field key → component, in page order."""


class BackboneStep(NamedTuple):
    """What the page wires of the first step."""

    search: gr.Column
    """The place for app.ui.tune.backbone_search."""
    facts: gr.HTML
    storage: gr.Column
    """The place for app.ui.tune.backbone_storage."""
    next: gr.Button


class DataStep(NamedTuple):
    """What the page wires of the second step."""

    file: gr.File
    chosen: gr.Column
    """The place for app.ui.tune.dataset_manager."""
    hub: gr.Column
    """The place for app.ui.tune.hub_search."""
    message: gr.HTML
    """How adding a data set went."""
    preview: gr.HTML
    back: gr.Button
    next: gr.Button


class RecipeStep(NamedTuple):
    """What the page wires of the third step."""

    preset: gr.Radio
    file: gr.Column
    """The place for app.ui.tune.recipe_file."""
    back: gr.Button
    next: gr.Button


class StartStep(NamedTuple):
    """What the page wires of the last step."""

    texts: list[Any]
    """The fields of `browser_storage.TEXTS`."""
    script: gr.Code
    back: gr.Button


def backbone_step(form: Form) -> BackboneStep:
    """Lays out the choice of the backbone and adds its components to `form`."""
    piece(parts.title("Which model should learn?", "It stays as it is: a prompt put before it learns."))
    form["backbone.choice"] = gr.Radio(
        [], show_label=False, container=False, elem_id="backbone", elem_classes="ls-cards", label="Backbone"
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
    return BackboneStep(search, facts, storage, _next_button("Next: data"))


def data_step(form: Form) -> DataStep:
    """Lays out the choice of the data set and its columns and adds their components to `form`."""
    piece(
        parts.title(
            "What should it learn from?",
            "A table with one example a row: what goes in, and the "
            "answer you want. Ten rows at least; a few hundred work well.",
        )
    )
    with gr.Row(elem_classes="ls-data"):
        form["dataset"] = gr.Dropdown(
            [],
            label="Data set",
            elem_id="dataset",
            info=f"Samples to begin with, and what you added: {KINDS}.",
        )
        file = gr.File(label="Or add your own table", file_types=list(ENDINGS), height=120, elem_id="upload")
    with gr.Column() as chosen:
        pass
    with gr.Column() as hub:
        pass
    message = piece(elem_id="upload-said", elem_classes="ls-slot")
    with gr.Row():
        form["data.input_columns"] = gr.Dropdown(
            [], label="Input columns", multiselect=True, elem_id="inputs", info="What the model reads."
        )
        form["data.target_column"] = gr.Dropdown(
            [], label="Target column", elem_id="target", info="What it should answer."
        )
    with gr.Accordion("Template, task and held-out rows", open=False):
        form |= fields("data.")
    preview = piece(elem_id="preview")
    with gr.Row(elem_classes="ls-walk"):
        return DataStep(file, chosen, hub, message, preview, _back_button(), _next_button("Next: recipe"))


def recipe_step(form: Form) -> RecipeStep:
    """Lays out the numbers of the recipe and adds their components to `form`."""
    piece(parts.title("How should it learn?", "The recommended recipe is a good start for most tables."))
    preset = gr.Radio(
        list(recipe_fields.PRESETS),
        value="Recommended",
        label="Length",
        elem_id="preset",
        show_label=False,
        container=False,
        elem_classes="ls-segments",
    )
    form |= fields("train.", basic=True) | fields("lamp.", basic=True)
    form["gpus"] = gr.Dropdown(
        [1],
        value=1,
        label="GPUs",
        visible=False,
        filterable=False,
        elem_id="gpus",
        info="That train together: each reads a batch of its own in every step.",
    )
    with gr.Accordion("More settings", open=False):
        form |= fields("lamp.") | fields("train.")
    with gr.Column() as file:
        pass
    with gr.Row(elem_classes="ls-walk"):
        return RecipeStep(preset, file, _back_button(), _next_button("Next: start"))


def start_step() -> StartStep:
    """Lays out the run's name, tags and note."""
    piece(parts.title("Name it, if you like", "Everything here can be changed later."))
    name = gr.Textbox(
        "",
        label="Name",
        placeholder="Data set and backbone, when left empty",
        elem_id="name",
        max_length=120,
    )
    tags = gr.Textbox(
        "",
        label="Tags",
        placeholder="first try, customer A",
        info="Words to find the run by, with commas between them.",
    )
    note = gr.Textbox("", label="Note", lines=2, placeholder="What you want to find out with this run")
    with gr.Accordion("The same from a script", open=False):
        script = gr.Code(
            language="python",
            label="Script",
            elem_id="script",
            show_label=False,
            container=False,
            interactive=False,
            max_lines=24,
        )
    return StartStep([name, note, tags], script, _back_button())


def _next_button(text: str) -> gr.Button:
    return gr.Button(text, size="md", elem_classes="ls-next")


def _back_button() -> gr.Button:
    return gr.Button("Back", size="md", elem_classes="ls-back", variant="secondary")
