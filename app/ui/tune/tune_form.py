"""The handlers of the Tune page: filling the form, checking what it holds, starting a run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import gradio as gr
from gradio.components import Component
from gradio.utils import get_upload_folder

from app.ui import parts
from app.ui.guard import KNOWN, warn
from app.ui.language import t
from app.ui.tune import browser_storage, form_values, method_figure, problem_marks, summary
from app.ui.tune.form_choices import FormChoices
from app.ui.tune.measuring import measure_button
from app.ui.tune.prefill import FormContent, prefill
from app.views import formatting
from app.views.plan import Plan
from lamp.config import TuneConfig


class Look(NamedTuple):
    """What the page shows of the form as it is now."""

    table: str
    """The data set, with what each column is for."""
    task: str
    facts: str
    """Of the backbone."""
    rail: str
    """The card beside the form."""
    short: str
    """The card in one line."""
    figure: str
    script: str
    preset: gr.Radio
    marks: str
    """The marks of fields with problems."""
    start: gr.Button
    quote: str
    """Time and memory."""
    measure: gr.Button
    """Measures these."""


class TuneForm(FormChoices):
    """The handlers of the Tune page's form."""

    def open(self, draft: object, request: gr.Request) -> list[Any]:
        """The form's values, a note where they come from, the parent run, the button to start over, and the `Look`.

        draft: what the browser has stored, as JSON.
        """
        opened = prefill(self._studio, browser_storage.parse_draft(draft), request.query_params)
        content, other_columns = self.with_its_columns(opened.content)
        # A text that a quick person has typed by now stays where there is no other.
        texts = [content.texts[name] or gr.skip() for name in browser_storage.TEXTS]
        note = opened.note + (parts.notice(other_columns, "warn") if other_columns else "")
        filled = self.updates(content)
        # A component that is made while an event is answered has no `value`: only its arguments are kept.
        look = self.look(*(one.constructor_args["value"] if isinstance(one, Component) else one for one in filled))
        return [*filled, *texts, note, opened.parent, gr.Button(visible=opened.is_draft), *look]

    def upload(self, path: str | None, dataset: str | None) -> list[Any]:
        """Adds a file to the data sets. If it cannot be read, one sentence says why and the form stays as it is.

        dataset: the one that is chosen now.
        """
        if not path:
            return [gr.skip()] * 4 + [None]
        name = Path(path).name
        try:
            entry = self._studio.add_dataset(Path(path), name)
        except KNOWN as error:
            chosen = next((f" {label} is still chosen." for label, key in self.datasets() if key == dataset), "")
            refused = parts.problems([str(error)], f"{name} was not added.{chosen}")
            return [gr.skip(), gr.skip(), gr.skip(), refused, None]
        finally:  # Gradio would keep it for a day, and it may have gigabytes
            if Path(path).is_relative_to(get_upload_folder()):
                Path(path).unlink(missing_ok=True)
        size = f"{entry.name} has {formatting.rows(entry.rows)} and {len(entry.columns)} columns."
        return [*self.choose_dataset(entry.reference), parts.notice(size, "good", "Added."), None]

    def look(self, *form: Any) -> Look:
        """What the page shows of the form. form: the values as the browser sends them."""
        values = self._values(form)
        config, plan = self._plan(values)
        return Look(
            table=summary.data_table(plan, config),
            task=summary.what_it_learns(plan, config),
            facts=summary.backbone(plan),
            rail=summary.rail(config, plan),
            short=summary.short(plan),
            figure=method_figure.figure(config.lamp, plan.estimate.hidden_size if plan.estimate else None),
            script=summary.script(config, str(values["dataset"] or ""), values["gpus"], self._studio.settings.port),
            preset=gr.Radio(choices=summary.presets(plan, config)),
            marks=problem_marks.marks(plan),
            start=gr.Button(interactive=not plan.problems),
            quote=summary.quote(plan),
            measure=measure_button(plan),
        )

    def fill(self, config: TuneConfig, form: Sequence[Any]) -> tuple[list[Any], str]:
        """The form's components with another recipe and the data set that is chosen; a sentence if that data set has
        other columns than the recipe names, else ""."""
        values = self._values(form)
        content = FormContent(config, str(values["dataset"] or ""), values["gpus"])
        content, other_columns = self.with_its_columns(content)
        return self.updates(content), other_columns

    def measured_form(self, form: Sequence[Any]) -> tuple[TuneConfig, Plan, str, int]:
        """The recipe in the form, its plan, its data set and its number of GPUs."""
        values = self._values(form)
        config, plan = self._plan(values)
        return config, plan, str(values["dataset"] or ""), values["gpus"]

    def recipe_file(self, form: Sequence[Any]) -> dict[str, Any]:
        """The recipe in the form as a file keeps it."""
        values = self._values(form)
        config, _ = form_values.parse(values)
        try:
            return self._studio.recipe_file(config, str(values["dataset"] or ""))
        except KNOWN:  # a backbone that the page speaks of
            return config.to_dict()

    def start(self, name: str, note: str, tags: str, parent: str, *form: Any) -> tuple[str, Any, gr.Button]:
        """Queues the run and returns its id, to which the browser goes; or lists the problems beside the button."""
        values = self._values(form)
        config, plan = self._plan(values)
        again = gr.Button(t("Start training"), interactive=not plan.problems)
        if plan.problems:
            count = len(plan.problems)
            warn(
                plan.problems[0]
                if count == 1
                else f"{count} things have to be put right first: they are listed beside Start."
            )
            return "", summary.rail(config, plan), again
        try:
            run = self._studio.submit(
                config, str(values["dataset"] or ""), name or "", parent=parent or None, gpus=values["gpus"]
            )
            if note or tags:
                self._studio.annotate(run, note or "", formatting.parse_tags(tags or ""))
        except KNOWN as error:
            warn(str(error))
            return "", gr.skip(), again
        return run, gr.skip(), gr.skip()

    def show_other_backbone(self, choice: str) -> Any:
        """Shows the field for another backbone when that is chosen."""
        return gr.Textbox(visible=choice == "")

    def show_initial(self, initial: str, chosen: str | None) -> list[Any]:
        """Shows the field for what the prompt starts from, where that takes one. chosen: the run to start from."""
        from_run = initial == "prompt"
        runs = gr.Dropdown(choices=self.prompts(chosen or ""), visible=True) if from_run else gr.Dropdown(visible=False)
        return [gr.Textbox(visible=initial == "text"), runs]

    def _values(self, form: Sequence[Any]) -> dict[str, Any]:
        values = dict(zip(self._keys, form, strict=True))
        values["backbone"] = values["backbone.choice"] or values["backbone.other"]
        values["gpus"] = form_values.gpus(values["gpus"])
        try:
            names = self._studio.dataset(str(values["dataset"] or "")).columns
        except KNOWN:
            return values
        chosen = {
            *form_values.columns(values["data.input_columns"]),
            *form_values.columns(values["data.target_column"]),
        }
        if values["data.input_columns"] is None or not chosen <= set(names):
            # Another data set was chosen just now, and its columns are on their way to the page: these are they.
            guess = self._studio.guess_columns(str(values["dataset"]))
            values |= {"data.input_columns": guess.input_columns, "data.target_column": guess.target_column}
        return values

    def _plan(self, values: form_values.Values) -> tuple[TuneConfig, Plan]:
        """The recipe in the form and its plan, whose problems begin with the values that cannot be parsed."""
        config, unparsed = form_values.parse(values)
        plan = self._studio.plan(config, str(values["dataset"] or ""), values["gpus"])
        fields = {**form_values.unparsed(values), **plan.fields}
        if not values["backbone.choice"]:
            fields |= {problem: "backbone.other" for problem, key in fields.items() if key == "backbone"}
        estimate = None if unparsed else plan.estimate
        return config, replace(plan, problems=(*unparsed, *plan.problems), fields=fields, estimate=estimate)
