"""HTML of how prompts are served."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from html import escape

from app.studio_parts.serving import ServedRun
from app.ui import parts
from app.ui.language import t

STOPPING = """element.addEventListener('click', (event) => {
    const {stop} = event.target.closest('[data-stop]')?.dataset ?? {}
    if (stop) trigger('click', {run: stop})
})"""
"""JavaScript of the list: a press of one of its buttons is a click with the id of that run."""


def is_loading(served: ServedRun | None) -> bool:
    """Whether the prompt's model is being loaded."""
    return served is not None and served.process is not None and not served.process.done()


def state(served: ServedRun | None) -> str:
    """How the prompt of the page's run is served, or that it is not."""
    if served is None:
        return parts.notice("Only the studio's own pages can ask it.", "calm", "Not served.")
    if served.kind is None:
        return parts.notice(served.problem, "bad", "Served, but its prompt cannot be read.")
    vote = f" All {served.kind.voters} prompts of this run vote." if served.vote else ""
    called = f"Programs ask it as the model {served.model}.{vote}"
    if served.process is None:
        return parts.notice(f"{called} Its model is loaded at the next request.", "good", "Served.")
    if not served.process.done():
        bar = parts.bar(0, "Loading the model", moving=True)
        said = escape(t(f"{called} Requests wait until the model is loaded …"))
        return f'<div class="ls-card ls-progress">{bar}<p class="ls-small" role="status">{said}</p></div>'
    if (problem := served.process.exception()) is not None:
        return parts.notice(str(problem), "bad", "The model was not loaded.")
    return parts.notice(f"{called} Its model is in memory.", "good", "Served.")


def served_list(served: Sequence[ServedRun], now: datetime) -> str:
    """A line for each served prompt, with a button that ends that. now: in the reader's time zone."""
    if not served:
        return parts.small("No prompt is served.")
    heads = ("Model", "Backbone", "Since", "Requests", "State")
    head = "".join(f"<th scope=col>{t(name)}</th>" for name in heads)
    lines = "".join(_line(one, now) for one in served)
    return f'<table class="ls-tokens"><thead><tr>{head}<td></td></tr></thead><tbody>{lines}</tbody></table>'


def _line(served: ServedRun, now: datetime) -> str:
    job, label = served.job, escape(t(f"Stop serving {served.model}"))
    link = f'<a href="runs?run={escape(job.id)}&amp;tab=use">{escape(served.model)}</a>'
    return (
        f'<tr><th scope="row">{link}</th>'
        f'<td data-label="{t("Backbone")}">{escape(job.backbone.rsplit("/", 1)[-1])}</td>'
        f'<td data-label="{t("Since")}">{parts.moment(served.since, now)}</td>'
        f'<td data-label="{t("Requests")}">{served.answered:,}</td>'
        f'<td data-label="{t("State")}">{_pill(served)}</td>'
        f'<td><button type="button" data-stop="{escape(job.id)}" aria-label="{label}">{t("Stop serving")}</button></td>'
        "</tr>"
    )


def _pill(served: ServedRun) -> str:
    process = served.process
    if served.problem:
        return parts.pill("Failed", "bad") + parts.small(served.problem)
    if process is None:
        return parts.pill("At rest", "calm")
    if not process.done():
        return parts.pill("Loading", "active")
    return parts.pill("Failed", "bad") if process.exception() else parts.pill("Ready", "good")
