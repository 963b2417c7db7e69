"""HTML of what the Tune page says about a recipe that is not started yet."""

from __future__ import annotations

import json
from html import escape
from typing import Any

from app.plan import Plan, Preview
from app.ui import parts
from app.ui.tune import backbone_text, problem_marks
from app.views import formatting
from lamp.config import TuneConfig
from lamp.training.quote import in_words

_ARCHITECTURES = {"causal": "Writes on from a text (causal)", "encoder-decoder": "Reads, then writes (encoder-decoder)"}


def backbone(plan: Plan) -> str:
    """Facts about the chosen backbone: whether it fits this machine, and what it is."""
    fit = parts.small(backbone_text.fit(plan.fit)) if plan.fit else ""
    estimate = plan.estimate
    if estimate is None:
        return fit
    return fit + parts.facts(
        [
            ("Kind", _ARCHITECTURES.get(estimate.architecture, estimate.architecture)),
            ("Parameters, all frozen", formatting.count(estimate.backbone_parameters)),
            ("Width", f"{estimate.hidden_size:,}"),
        ]
    )


def preview(preview: Preview, config: TuneConfig) -> str:
    """The first rows, what the model will read, and how the labels are spread."""
    html = parts.title("First rows", f"{len(preview.rows)} of {formatting.rows(preview.row_count)}")
    html += "".join(parts.small(note) for note in preview.notes)
    cells = [tuple(row[column] for column in preview.columns) for row in preview.rows]
    html += parts.table(preview.columns, cells, config.data.input_columns, config.data.target_column)
    chosen = (*config.data.input_columns, config.data.target_column)
    ignored = [role for role in preview.column_roles if role.role == "ignored" and role.column not in chosen]
    if ignored:
        html += parts.small(f"Not proposed: {'; '.join(f'{role.column} {role.reason}' for role in ignored)}.")
    if preview.examples:
        virtual = None if config.lamp.problems() else config.lamp.virtual_tokens
        html += parts.title(
            "What the model will read",
            "The trained prompt comes first, then your row; the marked answer is what it learns to give.",
        )
        html += parts.reading(preview.examples[:2], virtual, chat=config.data.input_format == "chat")
    if preview.labels:
        html += parts.title(f"{len(preview.labels)} labels", "Rows of each answer; a rare label is hard to learn.")
        html += parts.shares(preview.labels)
    return html


LOOKING = f"<h2>Your run</h2>{parts.small('Looking at the model and the data …')}"
"""The card beside the form before the first plan is made."""


def rail(config: TuneConfig, plan: Plan) -> str:
    """The card beside the form: what would be started, what it trains, and why it cannot be started."""
    preview, estimate = plan.preview, plan.estimate
    facts = [
        ("Backbone", config.backbone.rstrip("/").rpartition("/")[2] or "not chosen yet"),
        ("Data", f"{preview.dataset_name} · {formatting.rows(preview.row_count)}" if preview else "not chosen yet"),
    ]
    if preview and preview.task:
        task = f"pick one of {len(preview.labels)} labels" if preview.labels else "write a text"
        test = f", {preview.test_rows:,} for the test" if preview.test_rows else ", none for the test"
        split = f"{preview.train_rows:,} to learn from, {preview.validation_rows:,} to choose by{test}"
        facts += [("Task", task), ("Rows", split)]
    html = "<h2>Your run</h2>" + parts.facts(facts)
    if estimate is None:
        html += parts.tiles([("Trainable", "–", ""), ("Virtual tokens", "–", ""), ("Steps", "–", "")])
    else:
        passes = f"{estimate.epochs:.1f} passes over the rows"
        html += parts.tiles(
            [
                ("Trainable", f"{estimate.trainable:,}", f"{100 * estimate.share:.2g} % of the backbone"),
                ("Virtual tokens", f"{estimate.virtual_tokens:,}", "before every input"),
                ("Steps", f"{estimate.steps:,}", passes),
            ]
        )
    count = len(set(plan.problems))
    heading = "One thing to put right" if count == 1 else f"{count} things to put right"
    ready = '<p class="ls-ready">Ready to start</p>'
    problems = parts.problems(plan.problems, heading, problem_marks.links(plan.fields))
    return html + (problems or ready) + parts.warnings(plan.warnings, "Worth a look")


def quote(plan: Plan) -> str:
    """How long the run takes, how much memory it needs, and how that is known; "" while there are problems."""
    if plan.estimate is None or plan.problems:
        return ""
    quote = plan.estimate.quote
    if quote.measured:
        how, why = "measured", "Measured on this machine, with this recipe and these rows."
    elif quote.seconds is not None:
        how = "last run, calculated"
        why = "The time is at the speed of the last run on this backbone; the memory is calculated from its size."
    else:
        how = "calculated"
        why = "Calculated from the backbone's size. How long the run takes is not known yet."
    if not quote.measured:
        why += (
            " Measure finds out with a few real steps, in about a minute."
            if quote.measurable
            else " The backbone is not on this machine yet: the first run fetches it, then it can be measured."
        )
    words = in_words(quote.seconds, quote.memory, on_gpu=quote.on_gpu)
    remarks = " ".join((why, *quote.remarks))
    return f'<p class="ls-quote"><strong>{escape(words)}</strong> ({how})</p>{parts.small(remarks)}'


def measuring(phase: str) -> str:
    """What a measurement is doing."""
    return parts.notice(f"{phase} …")


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


def _differing(values: dict[str, Any], defaults: dict[str, Any]) -> dict[str, Any]:
    """The values that are not the defaults, in nested dictionaries of which none is empty."""
    differing = {
        key: _differing(value, defaults[key]) if isinstance(value, dict) else value
        for key, value in values.items()
        if value != defaults[key]
    }
    return {key: value for key, value in differing.items() if value != {}}


def origin_note(run_name: str, with_prompt: bool, is_draft: bool) -> str:
    """Says where the form's content comes from; empty for a newcomer's form.

    run_name: the run that it was filled from, or ""; with_prompt: whether training starts from that run's prompt;
    is_draft: whether a person had changed it before.
    """
    name = f"<strong>{escape(run_name)}</strong>"
    text = ""
    if with_prompt:
        text = (
            f"Training starts from the prompt of {name}. Choose other data or other settings; backbone, prompt "
            "length and rank stay."
        )
    elif run_name:
        text = f"Filled in from the run {name}: change what you like."
    if is_draft:
        text += " Your changes are as you left them." if run_name else "Everything is as you left it."
    return f'<div class="ls-notice ls-calm" role="status">{text}</div>' if text else ""
