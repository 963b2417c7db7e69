"""What can be chosen in the Tune page's form, and the form's components for a recipe."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import gradio as gr

from app.studio import Studio
from app.ui.guard import KNOWN
from app.ui.language import t
from app.ui.tune import backbone_text, form_values
from app.ui.tune.prefill import FormContent
from app.ui.tune.task_html import joined
from app.views import formatting, score_text
from lamp.data.column_roles import CHAT_TEMPLATES

_PARTS = ("validation", "test")
_OTHER = "Another model\nSearch the Hugging Face Hub by name"
_OR_FOLDER = ", or a folder on this machine"


class FormChoices:
    """Data sets, their columns, backbones and runs, as the form offers them."""

    def __init__(self, studio: Studio, keys: Sequence[str]) -> None:
        self._studio = studio
        self._keys = tuple(keys)
        """Form field names, in page order."""

    def backbones(self) -> list[tuple[str, str]]:
        """The cards of the backbones: (text, reference)."""
        cards = []
        for choice in self._studio.backbones():
            seconds = self._studio.usual_seconds(choice.reference) if choice.is_local else None
            cards.append((backbone_text.card(choice, seconds), choice.reference))
        other, hint = _OTHER.split("\n")
        hint += _OR_FOLDER if self._studio.takes_folders else ""
        return [*cards, (f"{t(other)}\n{t(hint)}", "")]

    def choose_dataset(self, dataset: str) -> list[Any]:
        """A data set that was just added, as the chosen one, with a first choice of its columns."""
        return [self.list_datasets(dataset), *self.columns(dataset)]

    def list_datasets(self, dataset: str) -> gr.Dropdown:
        """The same data set as the chosen one, among those that there are now."""
        return gr.Dropdown(choices=self.datasets(), value=dataset)

    def datasets(self) -> list[tuple[str, str]]:
        """The data sets: (name and rows, reference)."""
        return [
            (f"{entry.name} · {t('cannot be read' if entry.problem else formatting.rows(entry.rows))}", entry.reference)
            for entry in self._studio.datasets()
        ]

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

    def with_its_columns(self, content: FormContent) -> tuple[FormContent, str]:
        """The form with columns that its data set has; a sentence if its recipe named others, else ""."""
        data = content.config.data
        try:
            names = self._studio.dataset(content.dataset).columns
            missing = [name for name in (*data.input_columns, data.target_column) if name and name not in names]
            if not missing:
                return content, ""
            guess = self._studio.guess_columns(content.dataset)
        except KNOWN:
            return content, ""
        data = replace(data, input_columns=guess.input_columns, target_column=guess.target_column)
        lacking = joined([repr(name) for name in dict.fromkeys(missing)])
        chosen = joined([repr(name) for name in guess.input_columns])
        return (
            replace(content, config=replace(content.config, data=data)),
            f"The data set has no column{'s' if len(set(missing)) > 1 else ''} {lacking}: {chosen} "
            f"{'is' if len(guess.input_columns) == 1 else 'are'} read and {guess.target_column!r} answered instead.",
        )

    def prompts(self, chosen: str = "") -> list[tuple[str, str]]:
        """Runs to start from. The chosen one is among them even when its prompt is gone: `Plan.problems` says so."""
        choices = []
        for job in self._studio.prompts():
            metric = score_text.main_metric(job.scores)
            score = f" · {score_text.format_score(metric, job.scores[metric])}" if metric else ""
            choices.append((f"{job.name}{score}", job.id))
        if chosen and all(run != chosen for _, run in choices):
            choices.append((chosen, chosen))
        return choices

    def offer_parts(self) -> Any:
        """The data sets from which validation or test rows can come, one that was just added among them."""
        return gr.Dropdown(choices=[(t("A share of the rows"), ""), *self.datasets()])

    def part_choices(self, chosen: str | None) -> Any:
        """The same with one of them chosen: none that is no longer there."""
        choices = self.offer_parts().choices
        is_listed = any(reference == chosen for _, reference in choices)
        return gr.Dropdown(choices=choices, value=chosen if is_listed else "")

    def updates(self, content: FormContent) -> list[Any]:
        """The components with the values of `content`, and with what can be chosen now."""
        config, dataset = content.config, content.dataset
        values = form_values.values_of(config)
        backbones, datasets = self.backbones(), self.datasets()
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
                choices=self.prompts(config.lamp.initial_prompt) if config.lamp.initial == "prompt" else [],
                value=(config.lamp.initial_prompt or None) if config.lamp.initial == "prompt" else None,
                visible=config.lamp.initial == "prompt",
            ),
            **{f"data.{part}_data": self.part_choices(getattr(config.data, f"{part}_data")) for part in _PARTS},
            "gpus": gr.Dropdown(choices=list(range(1, most + 1)), value=gpus, visible=most > 1),
        }
        return [updates.get(key, values.get(key)) for key in self._keys]
