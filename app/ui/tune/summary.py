"""HTML of what the Tune page says about a recipe that is not started yet."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from html import escape
from typing import Any

from app.ui import parts
from app.ui.language import t
from app.ui.tune import backbone_text, column_table, problem_marks, task_html
from app.ui.tune.recipe_fields import GOOD_FOR, PRESETS
from app.views import formatting
from app.views.plan import Plan
from lamp.config import TuneConfig
from lamp.training.quote import in_words

_ARCHITECTURES = {"causal": "Writes on from a text (causal)", "encoder-decoder": "Reads, then writes (encoder-decoder)"}


def backbone(plan: Plan) -> str:
    """Facts about the chosen backbone: whether it fits this machine, and what it is."""
    fit = parts.small(backbone_text.fit(plan.fit)) if plan.fit else ""
    estimate = plan.estimate
    if estimate is None:
        return fit
    kind = t(_ARCHITECTURES.get(estimate.architecture, estimate.architecture))
    size = t(f"{formatting.count(estimate.backbone_parameters)} parameters, all kept as they are")
    width = t(f"{estimate.hidden_size:,} wide.")
    return fit + parts.small(f"{kind}; {size}; {width}")


def data_table(plan: Plan, config: TuneConfig) -> str:
    """The chosen data set with what each column is for, and what is odd about its rows."""
    if plan.preview is None:
        return parts.empty("No rows to show yet", plan.unreadable)
    return column_table.table(plan.preview, config.data) + parts.warnings(plan.warnings, "Worth a look")


def what_it_learns(plan: Plan, config: TuneConfig) -> str:
    """What will be learned, and rows as the model reads them."""
    if plan.preview is None:
        return parts.empty("Nothing to learn yet", "It is shown here once there are examples.")
    return task_html.task(plan.preview, config)


def presets(plan: Plan, config: TuneConfig) -> list[tuple[str, str]]:
    """The cards of the presets, (text, name): what each is good for, and how long it takes if that is known."""
    return [(_preset(name, numbers, plan, config), name) for name, numbers in PRESETS.items()]


def _preset(name: str, numbers: Mapping[str, Any], plan: Plan, config: TuneConfig) -> str:
    train = replace(config.train, **{key.removeprefix("train."): value for key, value in numbers.items()})
    lines = [t(name), t(f"{GOOD_FOR[name]}: {train.steps:,} steps.")]
    if plan.estimate and not plan.problems:
        quote = plan.estimate.quote
        lines.append(t(in_words(quote.seconds_of(train), quote.memory, on_gpu=quote.on_gpu) + "."))
    return "\n".join(lines)


LOOKING = f'<div class="ls-looking"><h2>Your run</h2>{parts.small("Looking at the model and the data …")}</div>'
"""The card beside the form before the first plan is made."""
SHORT_LOOKING = (
    '<button type="button" class="ls-unfold" aria-controls="rail">'
    "<strong>Your run</strong><small>Looking …</small></button>"
)
"""The same in one line, for the bar of a phone."""


def rail(config: TuneConfig, plan: Plan) -> str:
    """The card beside the form: what would be started, what it trains, and why it cannot be started."""
    preview, estimate = plan.preview, plan.estimate
    facts = [
        (
            "Examples",
            f"{preview.dataset_name} · {t(formatting.rows(preview.row_count))}" if preview else t("not chosen yet"),
        )
    ]
    if preview and preview.task:
        task = t(f"pick one of {len(preview.labels)} labels" if preview.labels else "write a text")
        test = f", {preview.test_rows:,} for the test" if preview.test_rows else ", none for the test"
        split = t(f"{preview.train_rows:,} to learn from, {preview.validation_rows:,} to choose by{test}")
        facts += [("Task", task), ("Rows", split)]
    facts.append(("Model", config.backbone.rstrip("/").rpartition("/")[2] or t("not chosen yet")))
    if plan.waiting:
        waiting = t(f"{plan.waiting.used:,} of the {plan.waiting.most:,} runs that you may have waiting")
        facts.append(("Waiting", waiting))
    html = f"<h2>{t('Your run')}</h2>" + parts.facts(facts)
    if estimate is None:
        html += parts.tiles([("Steps", "–", ""), ("Trained numbers", "–", "")])
    else:
        html += parts.tiles(
            [
                ("Steps", f"{estimate.steps:,}", f"{estimate.epochs:.1f} passes over the rows"),
                ("Trained numbers", f"{estimate.trainable:,}", f"{100 * estimate.share:.2g} % of the model"),
            ]
        )
    if plan.closed:
        return html + parts.notice(plan.closed)
    ready = f'<p class="ls-ready">{t("Ready to start")}</p>'
    problems = parts.problems(plan.problems, _to_put_right(plan), problem_marks.links(plan.fields))
    return html + (problems or ready) + _to_look_at(plan) + parts.warnings(plan.backbone_warnings, "The model")


def short(plan: Plan) -> str:
    """The card in one line, for the bar of a phone: a button that unfolds the rest."""
    state = "A demo" if plan.closed else _to_put_right(plan) if plan.problems else "Ready to start"
    below = "What it would be" if plan.closed else "See which" if plan.problems else ""
    if plan.estimate and not plan.problems:
        below = in_words(plan.estimate.quote.seconds, plan.estimate.quote.memory, on_gpu=plan.estimate.quote.on_gpu)
    tone = "calm" if plan.closed else "bad" if plan.problems else "good"
    return (
        f'<button type="button" class="ls-unfold ls-{tone}" aria-controls="rail"><strong>{escape(t(state))}</strong>'
        f"<small>{escape(t(below))}</small></button>"
    )


def _to_put_right(plan: Plan) -> str:
    count = len(set(plan.problems))
    return "One thing to put right" if count == 1 else f"{count} things to put right"


def _to_look_at(plan: Plan) -> str:
    """A link to the warnings beneath the table."""
    if not plan.warnings:
        return ""
    count = len(plan.warnings)
    text = "One thing in the examples is worth a look" if count == 1 else f"{count} things are worth a look"
    return f'<p class="ls-small"><a href="#preview" data-goto>{t(text)}</a></p>'


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
    if quote.elsewhere:
        why += f" {quote.elsewhere}"
    elif not quote.measured:
        why += (
            " Measure finds out with a few real steps, in about a minute."
            if quote.measurable
            else " The backbone is not on this machine yet: the first run fetches it, then it can be measured."
        )
    words = in_words(quote.seconds, quote.memory, on_gpu=quote.on_gpu)
    remarks = " ".join((why, *quote.remarks))
    return f'<p class="ls-quote"><strong>{escape(t(words))}</strong> ({t(how)})</p>{parts.small(remarks)}'


def measuring(phase: str) -> str:
    """What a measurement is doing."""
    return parts.notice(f"{phase} …")


def script(config: TuneConfig, dataset: str, gpus: int, port: int) -> str:
    """The lines of Python that start the same run, and a button that copies them; what the recipe leaves at its
    defaults is left out."""
    recipe = json.dumps(_differing(config.to_dict(), TuneConfig().to_dict()), indent=4, ensure_ascii=False)
    several = f"gpus={gpus}, " if gpus > 1 else ""
    return parts.code(
        "from gradio_client import Client\n\n"
        f'studio = Client("http://127.0.0.1:{port}")\n'
        f"recipe = {recipe}\n"
        f'run = studio.predict(recipe, {json.dumps(dataset)}, {several}api_name="/submit")\n'
        'print(studio.predict(run, api_name="/run"))'
    )


def _differing(values: dict[str, Any], defaults: dict[str, Any]) -> dict[str, Any]:
    """The values that are not the defaults, in nested dictionaries of which none is empty."""
    differing = {
        key: _differing(value, defaults[key]) if isinstance(value, dict) else value
        for key, value in values.items()
        if value != defaults[key]
    }
    return {key: value for key, value in differing.items() if value != {}}


def origin_note(source: str, way: str, *, is_draft: bool, has_data: bool) -> str:
    """Says where the form's content comes from; empty for a newcomer's form.

    source: the name of the run, or the id of the prompt on the Hub, that it was filled from; way: as in `source_run`;
    is_draft: whether a person had changed it before; has_data: whether it names a data set.
    """
    name = f"<strong>{escape(source)}</strong>"
    text = ""
    if way == "recipe":
        text = f"Filled in from the recipe of {name} on the Hub: change what you like."
        text += "" if has_data else " Its data set is not here: choose one, or fetch it from the Hub."
    elif way == "start":
        text = (
            f"Training starts from the prompt of {name}. Choose other data or other settings; backbone, prompt "
            "length and rank stay."
        )
    elif source:
        text = f"Filled in from the run {name}: change what you like."
    if is_draft:
        text += " Your changes are as you left them." if source else "Everything is as you left it."
    return f'<div class="ls-notice ls-calm" role="status">{t(text.strip())}</div>' if text else ""
