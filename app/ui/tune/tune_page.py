"""The Tune page: backbone, data, recipe, start."""

from __future__ import annotations

from typing import Any

import gradio as gr

from app.studio import Studio
from app.ui import parts
from app.ui.components import AT_ONCE, QUIET, piece
from app.ui.guard import sentences
from app.ui.tune import browser_storage, hub_search, recipe_fields, summary
from app.ui.tune.form_components import fields
from app.ui.tune.handlers import Handlers

_FILES = [".csv", ".tsv", ".json", ".jsonl", ".ndjson", ".parquet"]
_STEPS = ("Backbone", "Data", "Recipe", "Start")


def build(studio: Studio, page: gr.Blocks) -> None:
    """Lays the page out in the current Blocks and wires it."""
    piece(parts.header("Tune"))
    piece(
        '<div class="ls-hero"><h1>Teach a language model your task</h1><p>Pick a model, bring a table, press Start. '
        "The model stays as it is: a prompt of a few thousand numbers learns to steer it.</p></div>"
    )
    with gr.Row(elem_classes="ls-beside"):
        note = piece(elem_classes="ls-slot")
        over = gr.Button("Start over", visible=False, elem_classes="ls-back", elem_id="start-over", size="md")
    form: dict[str, Any] = {}
    with gr.Row(elem_classes="ls-split"):
        with gr.Column(scale=7, min_width=0), gr.Tabs(elem_id="stepper", selected=0) as steps:
            with gr.Tab(_STEPS[0], id=0):
                piece(parts.title("Which model should learn?", "It stays as it is: a prompt put before it learns."))
                form["backbone.choice"] = gr.Radio(
                    [], show_label=False, container=False, elem_id="backbone", elem_classes="ls-cards", label="Backbone"
                )
                form["backbone.other"] = gr.Textbox(
                    label="Hub id or folder",
                    placeholder="org/name or /path/to/folder",
                    visible=False,
                    elem_id="other-backbone",
                    info="A model that transformers can load, with weights in safetensors.",
                )
                facts = piece(elem_id="backbone-facts", min_height=60)
                first = _next_button("Next: data")
            with gr.Tab(_STEPS[1], id=1):
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
                        info="Samples to begin with, and what you added: CSV, TSV, JSON, JSON Lines or Parquet.",
                    )
                    file = gr.File(label="Or add your own table", file_types=_FILES, height=120, elem_id="upload")
                with gr.Column() as hub:
                    pass
                said = piece(elem_id="upload-said", elem_classes="ls-slot")
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
                    back_to_backbone, second = _back_button(), _next_button("Next: recipe")
            with gr.Tab(_STEPS[2], id=2):
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
                with gr.Row(elem_classes="ls-walk"):
                    back_to_data, third = _back_button(), _next_button("Next: start")
            with gr.Tab(_STEPS[3], id=3):
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
                memo = gr.Textbox("", label="Note", lines=2, placeholder="What you want to find out with this run")
                with gr.Accordion("The same from a script", open=False):
                    recipe = gr.Code(
                        language="python",
                        label="Script",
                        elem_id="script",
                        show_label=False,
                        container=False,
                        interactive=False,
                        max_lines=24,
                    )
                back_to_recipe = _back_button()
        with gr.Column(scale=4, min_width=300, elem_classes="ls-rail"):
            rail = piece(summary.LOOKING, elem_id="rail")
            start = gr.Button("Start training", variant="primary", size="lg", elem_id="start")
    parent, left = gr.State(""), browser_storage.browser_state()
    started = gr.Textbox(visible="hidden", elem_id="started", label="Started run")
    moment = gr.Number(visible="hidden", label="Moment of the last change")

    does = Handlers(studio, list(form))
    inputs = list(form.values())
    seen = [preview, facts, rail, recipe, preset]
    words = [name, memo, tags]
    opened = page.load(sentences(does.open), left, [*inputs, *words, note, parent, over], **QUIET)
    opened.then(None, [*words, *inputs], moment, js=browser_storage.OPENED, **AT_ONCE)
    choice, other = form["backbone.choice"], form["backbone.other"]
    # An address is looked at when it is whole: asking the Hub about a half of one would be answered "no such model".
    changes = [*(part.change for part in inputs if part is not other), other.blur, other.submit]
    gr.on(changes, None, moment, moment, js=browser_storage.CHANGED, **AT_ONCE)
    remember: dict[str, Any] = {
        "fn": None,
        "inputs": [left, *words, *inputs],
        "outputs": left,
        "js": browser_storage.remember(list(form)),
        **AT_ONCE,
    }
    # One look at a time, and what it shows is the newest: two at once could be answered in either order.
    moment.change(
        sentences(does.look),
        inputs,
        seen,
        trigger_mode="always_last",
        api_visibility="private",
        show_progress_on=facts,
        concurrency_limit=None,
    ).then(**remember)
    gr.on([part.change for part in words], **remember)
    over.click(None, None, None, js=browser_storage.START_OVER, **AT_ONCE)
    choice.change(sentences(does.other), choice, other, **AT_ONCE)
    origins = [form["lamp.initial_text"], form["lamp.initial_prompt"]]
    form["lamp.initial"].input(sentences(does.origin), form["lamp.initial"], origins, **AT_ONCE)
    columns = [form["data.input_columns"], form["data.target_column"]]
    with hub:
        hub_search.build(studio, does.chosen, [form["dataset"], *columns], said)
    form["dataset"].input(sentences(does.columns), form["dataset"], columns, **QUIET)
    file.upload(
        sentences(does.upload),
        file,
        [form["dataset"], *columns, said, file],
        api_visibility="private",
        show_progress_on=file,
        concurrency_limit=None,
    )
    numbers = [form[key] for key in recipe_fields.PRESETS["Recommended"]]
    preset.input(sentences(does.preset), preset, numbers, **AT_ONCE)
    turns = ((first, 1), (second, 2), (third, 3), (back_to_backbone, 0), (back_to_data, 1), (back_to_recipe, 2))
    for button, step in turns:
        button.click(_turn_to(step), None, steps, **AT_ONCE)
    start.click(lambda: gr.Button("Starting …", interactive=False), None, start, **AT_ONCE).then(
        sentences(does.start), [name, memo, tags, parent, *inputs], [started, rail], **QUIET
    ).then(
        lambda run: gr.Button("Starting …" if run else "Start training", interactive=not run), started, start, **AT_ONCE
    )
    started.change(
        None,
        started,
        None,
        js=f"(run) => {{ if (run) {{ {browser_storage.FORGET}; location.assign('runs?run=' + run) }} }}",
    )


def _next_button(text: str) -> gr.Button:
    return gr.Button(text, size="md", elem_classes="ls-next")


def _back_button() -> gr.Button:
    return gr.Button("Back", size="md", elem_classes="ls-back", variant="secondary")


def _turn_to(step: int) -> Any:
    return lambda: gr.Tabs(selected=step)
