"""The Tune page: backbone, data, recipe, start."""

from __future__ import annotations

from typing import Any

import gradio as gr

from app.studio import Studio
from app.ui import parts
from app.ui.components import AT_ONCE, QUIET, piece
from app.ui.guard import guarded
from app.ui.tune import (
    backbone_search,
    backbone_storage,
    browser_storage,
    dataset_manager,
    hub_search,
    measuring,
    reading_again,
    recipe_fields,
    recipe_file,
    steps,
    summary,
)
from app.ui.tune.steps import BackboneStep, DataStep, Form, RecipeStep
from app.ui.tune.tune_form import TuneForm


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
    form: Form = {}
    with gr.Row(elem_classes="ls-split"):
        with gr.Column(scale=7, min_width=0), gr.Tabs(elem_id="stepper", selected=0) as stepper:
            with gr.Tab("Backbone", id=0) as backbone_tab:
                backbone_step = steps.backbone_step(form)
            with gr.Tab("Data", id=1) as data_tab:
                data_step = steps.data_step(form)
            with gr.Tab("Recipe", id=2) as recipe_tab:
                recipe_step = steps.recipe_step(form)
            with gr.Tab("Start", id=3) as start_tab:
                start_step = steps.start_step()
        with gr.Column(scale=4, min_width=300, elem_classes="ls-rail"):
            rail = piece(summary.LOOKING, elem_id="rail")
            quote = measuring.layout()
            start = gr.Button("Start training", variant="primary", size="lg", elem_id="start", interactive=False)
    marks = piece(elem_classes="ls-marks")
    # Not a gr.State: values that go to the server as they are cannot come from one.
    parent = gr.Textbox("", visible="hidden", label="Run that this form was filled from")
    draft = gr.Textbox("", visible="hidden", label="Draft")
    handlers, texts, values = TuneForm(studio, list(form)), start_step.texts, list(form.values())

    moment = gr.Number(visible="hidden", label="Moment of the last change")
    filled = [*values, *texts, note, parent, over, stepper]
    opened = page.load(guarded(handlers.open), draft, filled, js=browser_storage.READ_DRAFT, **QUIET)
    opened.then(None, [*texts, *values], moment, js=browser_storage.FORM_OPENED, **AT_ONCE)
    over.click(None, None, None, js=browser_storage.START_OVER, **AT_ONCE)
    facts = backbone_step.facts
    seen = [
        data_step.preview,
        facts,
        rail,
        start_step.script,
        recipe_step.preset,
        marks,
        start,
        quote.quote,
        quote.measure,
    ]
    looked = _wire_look(handlers, form, moment, seen, facts, texts)
    _wire_backbone(studio, handlers, form, moment, backbone_step, looked)
    _wire_fields(studio, handlers, form, moment, data_step, recipe_step)
    _wire_start(handlers, start, [*texts, parent, *values], rail)
    with recipe_step.file:
        recipe_file.build(handlers, values)
    measuring.wire(quote, measuring.MeasureHandlers(studio, handlers.measured_form), values)
    for button, step in (
        (backbone_step.next, 1),
        (data_step.next, 2),
        (recipe_step.next, 3),
        (data_step.back, 0),
        (recipe_step.back, 1),
        (start_step.back, 2),
    ):
        button.click(_turn_to(step), None, stepper, **AT_ONCE)
    for step, tab in enumerate((backbone_tab, data_tab, recipe_tab, start_tab)):
        tab.select(None, None, None, js=browser_storage.keep_step(step), **AT_ONCE)


def _wire_look(
    handlers: TuneForm,
    form: Form,
    moment: gr.Number,
    seen: list[Any],
    facts: gr.HTML,
    texts: list[Any],
) -> Any:
    """Checks the form after every change, and saves it as a draft in the browser; returns the event of the check."""
    values, other = list(form.values()), form["backbone.other"]
    # A Hub id is checked when it is complete: the Hub would answer "no such model" for the first half of one.
    changes = [*(component.change for component in values if component is not other), other.blur, other.submit]
    gr.on(changes, None, moment, moment, js=browser_storage.FORM_CHANGED, **AT_ONCE)
    save: dict[str, Any] = {
        "fn": None,
        "inputs": [*texts, *values],
        "outputs": None,
        "js": browser_storage.save_draft(list(form)),
        **AT_ONCE,
    }
    # One check at a time: two at once could be answered in either order, and the newest must be shown last.
    # The values as the browser sends them: Gradio would refuse the columns of the data set that was chosen before.
    looked = moment.change(
        guarded(handlers.look),
        values,
        seen,
        preprocess=False,
        trigger_mode="always_last",
        api_visibility="private",
        show_progress_on=facts,
        concurrency_limit=None,
    )
    looked.then(**save)
    gr.on([component.change for component in texts], **save)
    return looked


def _wire_backbone(
    studio: Studio, handlers: TuneForm, form: Form, moment: gr.Number, step: BackboneStep, looked: Any
) -> None:
    """The search for another backbone, its download, and the list of those on this machine."""
    choice, other = form["backbone.choice"], form["backbone.other"]
    choice.change(guarded(handlers.show_other_backbone), choice, other, **AT_ONCE)
    with step.search:
        found = backbone_search.build(studio, choice, other)
    with step.storage:
        changed = backbone_storage.build(studio, choice, other, looked, handlers.backbones)
    for event in (found, *changed):  # the form is checked again
        event.then(None, moment, moment, js=browser_storage.FORM_CHANGED, **AT_ONCE)


def _wire_fields(
    studio: Studio,
    handlers: TuneForm,
    form: Form,
    moment: gr.Number,
    data_step: DataStep,
    recipe_step: RecipeStep,
) -> None:
    """Fields that change others: the first prompt's kind, the data set, the preset."""
    initial = [form["lamp.initial_text"], form["lamp.initial_prompt"]]
    form["lamp.initial"].input(guarded(handlers.show_initial), form["lamp.initial"], initial, **AT_ONCE)
    for own in (form["data.validation_data"], form["data.test_data"]):
        own.focus(guarded(handlers.part_choices), own, own, preprocess=False, **AT_ONCE)
    columns = [form["data.input_columns"], form["data.target_column"]]
    dataset, message, file = form["dataset"], data_step.message, data_step.file
    with data_step.chosen:
        again = reading_again.build(studio, handlers.choose_dataset, [dataset, *columns], message)
        renamed = dataset_manager.build(studio, handlers, [dataset, *columns], message)
    renamed.then(None, moment, moment, js=browser_storage.FORM_CHANGED, **AT_ONCE)
    with data_step.hub:
        fetched = hub_search.build(studio, handlers.choose_dataset, [dataset, *columns], message)
    chosen = dataset.input(guarded(handlers.columns), dataset, columns, **QUIET)
    uploaded = file.upload(
        guarded(handlers.upload),
        [file, dataset],
        [dataset, *columns, message, file],
        api_visibility="private",
        show_progress_on=file,
        concurrency_limit=None,
    )
    reading = [form["data.template"], form["data.input_format"]]
    for event in (chosen, uploaded, fetched, again, renamed):
        event.then(
            guarded(handlers.reading),
            [dataset, form["backbone.choice"], form["backbone.other"], reading[0]],
            reading,
            preprocess=False,
            **QUIET,
        )
    numbers = [form[key] for key in recipe_fields.PRESETS["Recommended"]]
    recipe_step.preset.input(guarded(handlers.preset), recipe_step.preset, numbers, **AT_ONCE)


def _wire_start(handlers: TuneForm, start: gr.Button, inputs: list[Any], rail: gr.HTML) -> None:
    """Starts a run, drops the draft and leads the browser to the run's page."""
    started = gr.Textbox(visible="hidden", elem_id="started", label="Started run")
    start.click(lambda: gr.Button("Starting …", interactive=False), None, start, **AT_ONCE).then(
        guarded(handlers.start), inputs, [started, rail, start], preprocess=False, **QUIET
    ).failure(lambda: gr.Button("Start training", interactive=True), None, start, **AT_ONCE)
    started.change(
        None,
        started,
        None,
        js=f"(run) => {{ if (run) {{ {browser_storage.DROP_DRAFT}; location.assign('runs?run=' + run) }} }}",
    )


def _turn_to(step: int) -> Any:
    return lambda: gr.Tabs(selected=step)
