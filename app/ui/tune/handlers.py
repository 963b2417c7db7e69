"""What the Tune page does: fills the form, looks at what it says, and starts a run."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import gradio as gr

from app.studio import Studio
from app.ui import parts
from app.ui.guard import KNOWN
from app.ui.tune import browser_storage, form_values, recipe_fields, summary
from app.ui.tune.prefill import Filled, opened
from app.values import Estimate, Preview
from app.views import formatting, score_text
from lamp.config import TuneConfig
from lamp.errors import ConfigError

_OTHER = "Another model\nAny model of the Hugging Face Hub, by its id"
_OR_FOLDER = ", or a folder on this machine"


class Handlers:
    """What the Tune page does."""

    def __init__(self, studio: Studio, keys: Sequence[str]) -> None:
        self._studio = studio
        self._keys = tuple(keys)
        """Of the form's values, in the order in which the page gives them."""
        self._names: dict[str, str] = {}
        """Of data sets: reading the whole list again for each change of the form would read every file."""

    def open(self, left: object, request: gr.Request) -> list[Any]:
        """The form as it is first seen, where it comes from, and a way to start over; `left`: what the browser kept."""
        found = opened(self._studio, left, request.query_params)
        words = [found.filled.words[word] for word in browser_storage.WORDS]
        return [*self._updates(found.filled), *words, found.note, found.parent, gr.Button(visible=found.changed)]

    def upload(self, path: str | None) -> list[Any]:
        """Keeps a file; says in one sentence what is wrong with it, and the form stays."""
        if not path:
            return [gr.skip()] * 4 + [None]
        try:
            entry = self._studio.add_dataset(Path(path), Path(path).name)
        except KNOWN as error:
            return [gr.skip(), gr.skip(), gr.skip(), parts.problems([str(error)]), None]
        size = f"{entry.name} has {formatting.rows(entry.rows)} and {len(entry.columns)} columns."
        return [*self.chosen(entry.reference), parts.notice(size, "good", "Added."), None]

    def chosen(self, dataset: str) -> list[Any]:
        """A data set that was just added, as the chosen one, with a first choice of its columns."""
        return [gr.Dropdown(choices=self._datasets(), value=dataset), *self.columns(dataset)]

    def columns(self, dataset: str) -> list[Any]:
        """A first choice of columns for another data set."""
        try:
            guess = self._studio.guess_columns(dataset)
            names = list(self._studio.preview(dataset, None).columns)
        except KNOWN:
            return [gr.Dropdown(choices=[], value=[]), gr.Dropdown(choices=[], value=None)]
        return [
            gr.Dropdown(choices=names, value=list(guess.input_columns)),
            gr.Dropdown(choices=names, value=guess.target_column),
        ]

    def look(self, *given: Any) -> tuple[str, str, str, str, str | None]:
        """Preview, backbone facts, the card beside the form, the same as a script, and which preset it is."""
        values = self._values(given)
        dataset = str(values["dataset"] or "")
        config, unread = form_values.draft(values)
        problems = [*unread, *self._studio.problems(config, dataset)]
        found, said = self._preview(config, dataset)
        estimate = None if problems else self._estimate(config, dataset, values["gpus"], problems)
        name = self._name(dataset) if found else ""
        return (
            said if found is None else summary.preview(found, config),
            summary.backbone(estimate),
            summary.rail(config, name, found, estimate, problems),
            summary.script(config, dataset, values["gpus"], self._studio.settings.port),
            form_values.preset_of(values),
        )

    def start(self, name: str, note: str, tags: str, parent: str, *given: Any) -> tuple[str, Any]:
        """Queues the run; its id leads the browser on. What is wrong is listed beside the button instead."""
        values = self._values(given)
        try:
            config, unread = form_values.draft(values)
            if unread:
                raise ConfigError([*unread, *self._studio.problems(config, str(values["dataset"] or ""))])
            run = self._studio.submit(
                config, str(values["dataset"] or ""), name, parent=parent or None, gpus=values["gpus"]
            )
            if note.strip() or tags.strip():
                self._studio.annotate(run, note.strip(), formatting.parse_tags(tags))
        except KNOWN as error:
            gr.Warning(
                str(error)
                if not isinstance(error, ConfigError) or len(error.problems) == 1
                else f"{len(error.problems)} things have to be put right first: they are listed beside Start."
            )
            return "", self.look(*given)[2] if isinstance(error, ConfigError) else gr.skip()
        return run, gr.skip()

    def other(self, choice: str) -> Any:
        """Shows the field for another backbone when that is chosen."""
        return gr.Textbox(visible=choice == "")

    def origin(self, initial: str) -> list[Any]:
        """Shows the field for what the prompt starts from, where that takes one."""
        shown = initial == "prompt"
        runs = gr.Dropdown(choices=self._prompts(), visible=True) if shown else gr.Dropdown(visible=False)
        return [gr.Textbox(visible=initial == "text"), runs]

    def preset(self, name: str | None) -> list[Any]:
        """The numbers of a preset."""
        changed = recipe_fields.PRESETS.get(name or "", {})
        return [changed.get(key, gr.skip()) for key in recipe_fields.PRESETS["Recommended"]]

    def _values(self, given: Sequence[Any]) -> dict[str, Any]:
        values = dict(zip(self._keys, given, strict=True))
        values["backbone"] = values["backbone.choice"] or values["backbone.other"]
        return values

    def _preview(self, config: TuneConfig, dataset: str) -> tuple[Preview | None, str]:
        try:
            return self._studio.preview(dataset, config.data), ""
        except KNOWN as error:
            return None, parts.empty("No rows to show yet", str(error))

    def _estimate(self, config: TuneConfig, dataset: str, gpus: int, problems: list[str]) -> Estimate | None:
        try:
            return self._studio.estimate(config, dataset, gpus)
        except KNOWN as error:
            problems.append(str(error))
            return None

    def _backbones(self) -> list[tuple[str, str]]:
        offered, other = self._studio.backbones(), _OTHER
        if not self._studio.settings.on_space:
            other += _OR_FOLDER
        return [*((f"{one.reference.rpartition('/')[2]}\n{one.note}", one.reference) for one in offered), (other, "")]

    def _datasets(self) -> list[tuple[str, str]]:
        entries = self._studio.datasets()
        self._names = {entry.reference: entry.name for entry in entries}
        return [(f"{entry.name} · {formatting.rows(entry.rows)}", entry.reference) for entry in entries]

    def _name(self, dataset: str) -> str:
        if dataset not in self._names:
            self._datasets()
        return self._names.get(dataset, "")

    def _prompts(self, chosen: str = "") -> list[tuple[str, str]]:
        """Runs to start from; the chosen one among them even when its prompt is gone, for a sentence to say so."""
        found = []
        for job in self._studio.prompts():
            metric = score_text.main_metric(job.scores)
            score = f" · {score_text.format_score(metric, job.scores[metric])}" if metric else ""
            found.append((f"{job.name}{score}", job.id))
        if chosen and all(run != chosen for _, run in found):
            found.append((chosen, chosen))
        return found

    def _updates(self, filled: Filled) -> list[Any]:
        config, dataset = filled.config, filled.dataset
        values = form_values.fill(config)
        offered, stored = self._backbones(), self._datasets()
        known = any(reference == config.backbone for _, reference in offered)
        there = any(reference == dataset for _, reference in stored)
        columns = self.columns(dataset)
        most = self._studio.most_gpus
        gpus = min(max(filled.gpus, 1), most)
        if config.data.target_column and there:
            columns[0] = gr.Dropdown(choices=columns[0].choices, value=list(config.data.input_columns))
            columns[1] = gr.Dropdown(choices=columns[1].choices, value=config.data.target_column)
        updates = {
            "backbone.choice": gr.Radio(choices=offered, value=config.backbone if known else ""),
            "backbone.other": gr.Textbox(
                value="" if known else config.backbone, visible=not known or not config.backbone
            ),
            "dataset": gr.Dropdown(choices=stored, value=dataset if there else None),
            "data.input_columns": columns[0],
            "data.target_column": columns[1],
            "lamp.initial_text": gr.Textbox(value=config.lamp.initial_text, visible=config.lamp.initial == "text"),
            "lamp.initial_prompt": gr.Dropdown(
                choices=self._prompts(config.lamp.initial_prompt) if config.lamp.initial == "prompt" else [],
                value=(config.lamp.initial_prompt or None) if config.lamp.initial == "prompt" else None,
                visible=config.lamp.initial == "prompt",
            ),
            "gpus": gr.Dropdown(choices=list(range(1, most + 1)), value=gpus, visible=most > 1),
        }
        return [updates.get(key, values.get(key)) for key in self._keys]
