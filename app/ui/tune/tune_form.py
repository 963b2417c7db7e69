"""The handlers of the Tune page: filling the form, checking what it holds, starting a run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import gradio as gr

from app.plan import Plan
from app.studio import Studio
from app.ui import parts
from app.ui.guard import KNOWN, warn
from app.ui.tune import backbone_text, browser_storage, form_values, problem_marks, recipe_fields, summary
from app.ui.tune.measuring import measure_button
from app.ui.tune.prefill import FormContent, prefill
from app.views import formatting, score_text
from lamp.config import TuneConfig
from lamp.data.column_roles import CHAT_TEMPLATES

_PARTS = ("validation", "test")
_OTHER = "Another model\nSearch the Hugging Face Hub by name"
_OR_FOLDER = ", or a folder on this machine"


class TuneForm:
    """The handlers of the Tune page's form."""

    def __init__(self, studio: Studio, keys: Sequence[str]) -> None:
        self._studio = studio
        self._keys = tuple(keys)
        """Form field names, in page order."""

    def open(self, draft: object, request: gr.Request) -> list[Any]:
        """The form's values, a note where they come from, the parent run, the button to start over, and the step.

        draft: what the browser has stored, as JSON.
        """
        query = request.query_params
        opened = prefill(self._studio, browser_storage.parse_draft(draft), query)
        texts = [opened.content.texts[name] for name in browser_storage.TEXTS]
        over, step = gr.Button(visible=opened.is_draft), gr.Tabs(selected=browser_storage.step_of(query))
        return [*self._updates(opened.content), *texts, opened.note, opened.parent, over, step]

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
            chosen = next((f" {label} is still chosen." for label, key in self._datasets() if key == dataset), "")
            refused = parts.problems([str(error)], f"{name} was not added.{chosen}")
            return [gr.skip(), gr.skip(), gr.skip(), refused, None]
        size = f"{entry.name} has {formatting.rows(entry.rows)} and {len(entry.columns)} columns."
        return [*self.choose_dataset(entry.reference), parts.notice(size, "good", "Added."), None]

    def choose_dataset(self, dataset: str) -> list[Any]:
        """A data set that was just added, as the chosen one, with a first choice of its columns."""
        return [self.list_datasets(dataset), *self.columns(dataset)]

    def list_datasets(self, dataset: str) -> gr.Dropdown:
        """The same data set as the chosen one, among those that there are now."""
        return gr.Dropdown(choices=self._datasets(), value=dataset)

    def columns(self, dataset: str) -> list[Any]:
        """A first choice of columns for another data set."""
        try:
            names = list(self._studio.dataset(dataset).columns)
            guess = self._studio.guess_columns(dataset)
        except KNOWN:
            return [gr.Dropdown(choices=[], value=[]), gr.Dropdown(choices=[], value=None)]
        return [
            gr.Dropdown(choices=names, value=list(guess.input_columns)),
            gr.Dropdown(choices=names, value=guess.target_column),
        ]

    def reading(self, dataset: str | None, backbone: str, other: str, template: str) -> list[Any]:
        """How the rows of a data set that was just chosen are read: chat data in the backbone's chat format.

        A template that somebody has written stays.
        """
        try:
            guess = self._studio.guess_columns(dataset or "", backbone or other or "")
        except KNOWN:
            return [gr.skip(), gr.skip()]
        if template and template not in CHAT_TEMPLATES:
            return [gr.skip(), gr.skip()]
        if guess.input_format == "plain" and not template:
            return [gr.skip(), gr.skip()]
        return [guess.template, guess.input_format]

    def look(self, *form: Any) -> tuple[str, str, str, str, str | None, str, gr.Button, str, gr.Button]:
        """Preview, backbone facts, the card beside the form, the same as a script, which preset it is, the marks of
        fields with problems, the button that starts the run, time and memory, and the button that measures them.

        form: the values as the browser sends them.
        """
        values = self._values(form)
        config, plan = self._plan(values)
        return (
            summary.preview(plan.preview, config)
            if plan.preview
            else parts.empty("No rows to show yet", plan.unreadable),
            summary.backbone(plan),
            summary.rail(config, plan),
            summary.script(config, str(values["dataset"] or ""), values["gpus"], self._studio.settings.port),
            form_values.preset_of(values),
            problem_marks.marks(plan),
            gr.Button(interactive=not plan.problems),
            summary.quote(plan),
            measure_button(plan),
        )

    def fill(self, config: TuneConfig, form: Sequence[Any]) -> list[Any]:
        """The form's components with another recipe, and with the data set that is chosen in it."""
        values = self._values(form)
        return self._updates(FormContent(config, str(values["dataset"] or ""), values["gpus"]))

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
        again = gr.Button("Start training", interactive=not plan.problems)
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

    def show_initial(self, initial: str) -> list[Any]:
        """Shows the field for what the prompt starts from, where that takes one."""
        from_run = initial == "prompt"
        runs = gr.Dropdown(choices=self._prompts(), visible=True) if from_run else gr.Dropdown(visible=False)
        return [gr.Textbox(visible=initial == "text"), runs]

    def part_choices(self, chosen: str | None) -> Any:
        """The data sets from which validation or test rows can come, one that was just added among them."""
        choices = [("A share of the rows", ""), *self._datasets()]
        is_listed = any(reference == chosen for _, reference in choices)
        return gr.Dropdown(choices=choices, value=chosen if is_listed else "")

    def preset(self, name: str | None) -> list[Any]:
        """The numbers of a preset."""
        changed = recipe_fields.PRESETS.get(name or "", {})
        return [changed.get(key, gr.skip()) for key in recipe_fields.PRESETS["Recommended"]]

    def _values(self, form: Sequence[Any]) -> dict[str, Any]:
        values = dict(zip(self._keys, form, strict=True))
        values["backbone"] = values["backbone.choice"] or values["backbone.other"]
        try:
            names = self._studio.dataset(str(values["dataset"] or "")).columns
        except KNOWN:
            return values
        chosen = {
            *form_values.columns(values["data.input_columns"]),
            *form_values.columns(values["data.target_column"]),
        }
        if not chosen <= set(names):
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

    def backbones(self) -> list[tuple[str, str]]:
        """The cards of the backbones: (text, reference)."""
        choices = [(backbone_text.card(choice), choice.reference) for choice in self._studio.backbones()]
        return [*choices, (_OTHER if self._studio.settings.on_space else _OTHER + _OR_FOLDER, "")]

    def _datasets(self) -> list[tuple[str, str]]:
        return [
            (f"{entry.name} · {'cannot be read' if entry.problem else formatting.rows(entry.rows)}", entry.reference)
            for entry in self._studio.datasets()
        ]

    def _prompts(self, chosen: str = "") -> list[tuple[str, str]]:
        """Runs to start from. The chosen one is among them even when its prompt is gone: `Plan.problems` says so."""
        choices = []
        for job in self._studio.prompts():
            metric = score_text.main_metric(job.scores)
            score = f" · {score_text.format_score(metric, job.scores[metric])}" if metric else ""
            choices.append((f"{job.name}{score}", job.id))
        if chosen and all(run != chosen for _, run in choices):
            choices.append((chosen, chosen))
        return choices

    def _updates(self, content: FormContent) -> list[Any]:
        """The components with the values of `content`, and with what can be chosen now."""
        config, dataset = content.config, content.dataset
        values = form_values.values_of(config)
        backbones, datasets = self.backbones(), self._datasets()
        is_offered = any(reference == config.backbone for _, reference in backbones)
        is_listed = any(reference == dataset for _, reference in datasets)
        columns = self.columns(dataset)
        most = self._studio.most_gpus
        gpus = min(max(content.gpus, 1), most)
        if config.data.target_column and is_listed:
            columns[0] = gr.Dropdown(choices=columns[0].choices, value=list(config.data.input_columns))
            columns[1] = gr.Dropdown(choices=columns[1].choices, value=config.data.target_column)
        updates = {
            "backbone.choice": gr.Radio(choices=backbones, value=config.backbone if is_offered else ""),
            "backbone.other": gr.Textbox(
                value="" if is_offered else config.backbone, visible=not is_offered or not config.backbone
            ),
            "dataset": gr.Dropdown(choices=datasets, value=dataset if is_listed else None),
            "data.input_columns": columns[0],
            "data.target_column": columns[1],
            "lamp.initial_text": gr.Textbox(value=config.lamp.initial_text, visible=config.lamp.initial == "text"),
            "lamp.initial_prompt": gr.Dropdown(
                choices=self._prompts(config.lamp.initial_prompt) if config.lamp.initial == "prompt" else [],
                value=(config.lamp.initial_prompt or None) if config.lamp.initial == "prompt" else None,
                visible=config.lamp.initial == "prompt",
            ),
            **{f"data.{part}_data": self.part_choices(getattr(config.data, f"{part}_data")) for part in _PARTS},
            "gpus": gr.Dropdown(choices=list(range(1, most + 1)), value=gpus, visible=most > 1),
        }
        return [updates.get(key, values.get(key)) for key in self._keys]
