"""What the Tune page says about a recipe that is not started yet."""

from __future__ import annotations

import json
from collections.abc import Sequence
from html import escape
from typing import Any

from app.ui import parts
from app.values import Estimate, Preview
from app.views import formatting
from lamp.config import TuneConfig
from lamp.data.truncation import Truncation

_ARCHITECTURES = {"causal": "Writes on from a text (causal)", "encoder-decoder": "Reads, then writes (encoder-decoder)"}


def backbone(estimate: Estimate | None) -> str:
    """What is known of the chosen backbone."""
    if estimate is None:
        return ""
    return parts.facts(
        [
            ("Kind", _ARCHITECTURES.get(estimate.architecture, estimate.architecture)),
            ("Parameters, all frozen", formatting.count(estimate.backbone_parameters)),
            ("Width", f"{estimate.hidden_size:,}"),
        ]
    )


def preview(found: Preview, config: TuneConfig) -> str:
    """The first rows, what the model will read, and how the labels are spread."""
    shown = parts.title("First rows", f"{len(found.rows)} of {formatting.rows(found.row_count)}")
    shown += parts.table(found.columns, found.rows, config.data.input_columns, config.data.target_column)
    if found.examples:
        virtual = None if config.lamp.problems() else config.lamp.virtual_tokens
        shown += parts.title(
            "What the model will read",
            "The trained prompt comes first, then your row; the marked answer is what it learns to give.",
        )
        shown += parts.reading(found.examples[:2], virtual, chat=config.data.input_format == "chat")
    if found.labels:
        shown += parts.title(f"{len(found.labels)} labels", "Rows of each answer; a rare label is hard to learn.")
        shown += parts.shares(found.labels)
    return shown


LOOKING = f"<h2>Your run</h2>{parts.small('Looking at the model and the data …')}"
"""The card beside the form before anything is known."""


def rail(
    config: TuneConfig, dataset: str, found: Preview | None, estimate: Estimate | None, problems: Sequence[str]
) -> str:
    """The card beside the form: what would be started, what it trains, and what stands in the way."""
    chosen = [
        ("Backbone", config.backbone.rstrip("/").rpartition("/")[2] or "not chosen yet"),
        ("Data", f"{dataset} · {formatting.rows(found.row_count)}" if found else "not chosen yet"),
    ]
    if found and found.task:
        task = f"pick one of {len(found.labels)} labels" if found.labels else "write a text"
        split = f"{found.train_rows:,} to learn from, {found.validation_rows:,} to score on"
        chosen += [("Task", task), ("Rows", split)]
    shown = "<h2>Your run</h2>" + parts.facts(chosen)
    if estimate is None:
        shown += parts.tiles([("Trainable", "–", ""), ("Virtual tokens", "–", ""), ("Steps", "–", "")])
    else:
        passes = f"{estimate.epochs:.1f} passes over the rows"
        shown += parts.tiles(
            [
                ("Trainable", f"{estimate.trainable:,}", f"{100 * estimate.share:.2g} % of the backbone"),
                ("Virtual tokens", f"{estimate.virtual_tokens:,}", "before every input"),
                ("Steps", f"{estimate.steps:,}", passes),
            ]
        )
        if estimate.truncation and estimate.truncation.rows:
            shown += parts.notice(_cut(estimate.truncation, found, config), "warn")
    count = len(list(dict.fromkeys(problems)))
    heading = "One thing to put right" if count == 1 else f"{count} things to put right"
    ready = '<p class="ls-ready">Ready to start</p>'
    if estimate and estimate.seconds is not None:
        ready += parts.small(
            f"Training will take {formatting.about(estimate.seconds)}, if rows go as fast as in the last "
            "run on this backbone."
        )
    return shown + (parts.problems(problems, heading) or ready)


def _cut(found: Truncation, data: Preview | None, config: TuneConfig) -> str:
    of = f" of {data.train_rows:,}" if data else ""
    inputs = "input is" if found.rows == 1 else "inputs are"
    return (
        f"{'' if found.exact else 'About '}{found.rows:,}{of} {inputs} longer than "
        f"{config.data.max_input_tokens:,} tokens: the end is cut, but never the template's last words or the "
        "target."
    )


def script(config: TuneConfig, dataset: str, gpus: int, port: int) -> str:
    """The lines of Python that start the same run; what the recipe leaves at its defaults is left out."""
    recipe = json.dumps(_differing(config.to_dict(), TuneConfig().to_dict()), indent=4, ensure_ascii=False)
    several = f"gpus={gpus}, " if gpus > 1 else ""
    return (
        "from gradio_client import Client\n\n"
        f'studio = Client("http://127.0.0.1:{port}")\n'
        f"recipe = {recipe}\n"
        f'run = studio.predict(recipe, {json.dumps(dataset)}, {several}api_name="/submit")\n'
        'print(studio.predict(run, api_name="/run"))\n'
    )


def _differing(values: dict[str, Any], usual: dict[str, Any]) -> dict[str, Any]:
    found = {
        key: _differing(value, usual[key]) if isinstance(value, dict) else value
        for key, value in values.items()
        if value != usual[key]
    }
    return {key: value for key, value in found.items() if value != {}}


def filled_in(run: str = "", with_prompt: bool = False, left: bool = False) -> str:
    """Says where the form comes from, where that is not plain: another run, its prompt too, what was `left` here."""
    name = f"<strong>{escape(run)}</strong>"
    said = ""
    if with_prompt:
        said = (
            f"Training starts from the prompt of {name}. Choose other data or other settings; backbone, prompt "
            "length and rank stay."
        )
    elif run:
        said = f"Filled in from the run {name}: change what you like."
    if left:
        said += " Your changes are as you left them." if run else "Everything is as you left it."
    return f'<div class="ls-notice ls-calm" role="status">{said}</div>' if said else ""
