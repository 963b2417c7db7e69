"""The Tune page: examples, what is learned of them, model, how thorough; and the card with Start beside them."""

from __future__ import annotations

from typing import Any, NamedTuple

import gradio as gr

from app.studio import Studio
from app.ui import top
from app.ui.components import AT_ONCE, QUIET, piece
from app.ui.guard import guarded
from app.ui.language import t
from app.ui.tune import (
    backbone_search,
    backbone_storage,
    browser_storage,
    column_table,
    dataset_manager,
    hub_search,
    measuring,
    own_presets,
    presets,
    reading_again,
    recipe_file,
    sections,
    summary,
)
from app.ui.tune.advanced import Form
from app.ui.tune.sections import DataSection, ModelSection, TrainingSection
from app.ui.tune.tune_form import Look, TuneForm


class Card(NamedTuple):
    """The card beside the form, at the bottom of a phone."""

    short: gr.HTML
    rail: gr.HTML
    quote: measuring.QuotePart
    name: gr.Textbox
    start: gr.Button


def build(studio: Studio, page: gr.Blocks) -> None:
    """Lays the page out in the current Blocks and wires it."""
    top.build(studio, "Tune")
    piece(
        '<div class="ls-hero"><h1>Teach a language model your task</h1><p>Bring a table of examples, press Start. '
        "The model stays as it is: a prompt of a few thousand numbers learns to steer it.</p></div>"
    )
    with gr.Row(elem_classes="ls-beside"):
        note = piece(elem_classes="ls-slot")
        over = gr.Button("Start over", visible=False, elem_classes="ls-back", elem_id="start-over", size="md")
    form: Form = {}
    samples = studio.samples()
    with gr.Row(elem_classes="ls-split"):
        with gr.Column(scale=7, min_width=0):
            piece(sections.contents(), elem_id="stepper")
            data = sections.data_section(form, samples)
            task = sections.task_section()
            model = sections.model_section(form)
            training = sections.training_section(form)
        card = _card()
    marks = piece(elem_classes="ls-marks")
    # Not a gr.State: values that go to the server as they are cannot come from one.
    parent = gr.Textbox("", visible="hidden", label="Run that this form was filled from")
    draft = gr.Textbox("", visible="hidden", label="Draft")
    moment = gr.Number(visible="hidden", label="Moment of the last change")
    handlers, values = TuneForm(studio, list(form)), list(form.values())
    texts = sections.texts_of(card.name, training)

    over.click(None, None, None, js=browser_storage.START_OVER, **AT_ONCE)
    shown: dict[str, Any] = dict(
        table=data.preview,
        task=task,
        facts=model.facts,
        rail=card.rail,
        short=card.short,
        figure=training.advanced.figure,
        script=training.advanced.script,
        preset=training.preset,
        marks=marks,
        start=card.start,
        quote=card.quote.quote,
        measure=card.quote.measure,
    )
    seen = [shown[name] for name in Look._fields]
    # Filled and checked in one call, beside the queue: nothing can be seen of the form before.
    opened = page.load(
        guarded(handlers.open),
        draft,
        [*values, *texts, note, parent, over, *seen],
        js=browser_storage.READ_DRAFT,
        show_progress_on=note,
        **AT_ONCE,
    )
    opened.then(None, [*texts, *values], None, js=browser_storage.FORM_OPENED, **AT_ONCE)
    looked = _wire_look(handlers, form, moment, seen, model.facts, texts)
    _wire_data(studio, handlers, form, moment, data)
    _wire_backbone(studio, handlers, form, moment, model, [opened, looked])
    _wire_training(handlers, form, moment, training, opened)
    _wire_start(handlers, card, [*texts, parent, *values])
    measuring.wire(card.quote, measuring.MeasureHandlers(studio, handlers.measured_form), values)


_UNFOLD = """
const card = () => element.closest('.ls-rail')
const tell = () => element.querySelector('button')?.setAttribute('aria-expanded', card().classList.contains('ls-open'))
element.addEventListener('click', (event) => {
    if (event.target.closest('button')) { card().classList.toggle('ls-open'); tell() }
})
watch('value', tell)
"""
"""JavaScript of the bar of a phone: it unfolds the card."""


def _card() -> Card:
    with gr.Column(scale=4, min_width=300, elem_classes="ls-rail"):
        short = piece(summary.SHORT_LOOKING, elem_id="short", script=_UNFOLD)
        rail = piece(summary.LOOKING, elem_id="rail")
        quote = measuring.layout()
        name = gr.Textbox(
            "", label="Name", placeholder="Examples and model, when left empty", elem_id="name", max_length=120
        )
        start = gr.Button("Start training", variant="primary", size="lg", elem_id="start", interactive=False)
    return Card(short, rail, quote, name, start)


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


def _look_again(event: Any, moment: gr.Number) -> None:
    """Checks the form after an event that changes fields which the browser may not have put on the page yet."""
    event.then(None, moment, moment, js=browser_storage.FORM_CHANGED, **AT_ONCE)


def _wire_data(studio: Studio, handlers: TuneForm, form: Form, moment: gr.Number, data: DataSection) -> None:
    """The data set: a file, pasted rows, a sample, one of the Hub; and the roles of its columns."""
    columns = [form["data.input_columns"], form["data.target_column"]]
    dataset, message, file = form["dataset"], data.message, data.file
    with data.chosen:
        again = reading_again.build(studio, handlers.choose_dataset, [dataset, *columns], message)
        renamed = dataset_manager.build(studio, handlers, [dataset, *columns], message)
    _look_again(renamed, moment)
    with data.hub:
        fetched = hub_search.build(studio, handlers.choose_dataset, [dataset, *columns], message)
    # At once, so that what is started now is of this data set. Its columns are null until the server has answered.
    dataset.input(None, None, columns, js=browser_storage.COLUMNS_NOT_YET, **AT_ONCE)
    data.samples.input(None, data.samples, [dataset, *columns], js=browser_storage.SAMPLE_CHOSEN, **AT_ONCE)
    chosen = gr.on(
        [dataset.input, data.samples.input],
        guarded(handlers.columns),
        dataset,
        columns,
        trigger_mode="always_last",
        **QUIET,
    )
    dataset.change(None, dataset, data.samples, js="(dataset) => dataset", **AT_ONCE)
    data.preview.input(None, columns[0], columns, js=column_table.CHOSEN, **AT_ONCE)
    uploaded = file.upload(
        guarded(handlers.upload),
        [file, dataset],
        [dataset, *columns, message, file],
        api_visibility="private",
        show_progress_on=data.drop,
        concurrency_limit=None,
    )
    reading = [form["data.template"], form["data.input_format"]]
    for event in (chosen, uploaded, fetched, again, renamed):
        event.then(
            guarded(handlers.reading),
            [dataset, form["backbone.choice"], form["backbone.other"], reading[0]],
            reading,
            preprocess=False,
            trigger_mode="always_last",
            **QUIET,
        )


def _wire_backbone(
    studio: Studio, handlers: TuneForm, form: Form, moment: gr.Number, section: ModelSection, looks: list[Any]
) -> None:
    """The search for another backbone, its download, and the list of those on this machine."""
    choice, other = form["backbone.choice"], form["backbone.other"]
    choice.change(guarded(handlers.show_other_backbone), choice, other, **AT_ONCE)
    with section.search:
        found = backbone_search.build(studio, choice, other)
    with section.storage:
        changed = backbone_storage.build(studio, choice, other, looks, handlers.backbones)
    for event in (found, *changed):
        _look_again(event, moment)


def _wire_training(handlers: TuneForm, form: Form, moment: gr.Number, section: TrainingSection, opened: Any) -> None:
    """Presets, the first prompt's kind, data sets for validation and test, and the recipe as a file."""
    with section.own:
        own = own_presets.layout_list()
    with section.advanced.keep:
        name, keep = own_presets.layout_name()
        read = recipe_file.build(handlers, list(form.values()))
    chosen = own_presets.wire(own, name, keep, form)
    for event in (read, chosen, presets.wire(section.preset, form, [opened, read, chosen])):
        _look_again(event, moment)
    initial = [form["lamp.initial_text"], form["lamp.initial_prompt"]]
    newest: dict[str, Any] = {"preprocess": False, "trigger_mode": "always_last", **AT_ONCE}
    for event in (form["lamp.initial"].input, chosen.then):
        event(guarded(handlers.show_initial), [form["lamp.initial"], initial[1]], initial, **newest)
    for part in (form["data.validation_data"], form["data.test_data"]):
        part.focus(guarded(handlers.offer_parts), None, part, **AT_ONCE)


# A check that is answered only now would make Start bright again while the run's page is on its way.
_LEAVE = "document.querySelector('#start').inert = true; location.assign('runs?run=' + run)"


def _wire_start(handlers: TuneForm, card: Card, inputs: list[Any]) -> None:
    """Starts a run, drops the draft and leads the browser to the run's page."""
    start = card.start
    started = gr.Textbox(visible="hidden", elem_id="started", label="Started run")
    start.click(lambda: gr.Button(t("Starting …"), interactive=False), None, start, **AT_ONCE).then(
        guarded(handlers.start), inputs, [started, card.rail, start], preprocess=False, **QUIET
    ).failure(lambda: gr.Button(t("Start training"), interactive=True), None, start, **AT_ONCE)
    started.change(
        None,
        started,
        None,
        js=f"(run) => {{ if (run) {{ {browser_storage.DROP_DRAFT}; {_LEAVE} }} }}",
    )
