"""The bar of what can be done with the selected runs, and what is said afterwards, as HTML."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from pathlib import Path

from app.ui import parts
from app.ui.language import t
from app.views.comparison import MOST_RUNS
from storage.records import Job

SCRIPT_FILE = Path(__file__).parents[1] / "selection.js"
BAR = f"""<div class="ls-selected" data-part="bar" data-most="{MOST_RUNS}" role="group" aria-label="Selected runs"
    hidden>
    <strong data-part="count" role="status"></strong>
    <span data-part="choices"><a class="ls-act ls-main" data-part="compare" href="compare">Compare</a>
        <small data-part="why">2 to {MOST_RUNS} can be compared</small>
        <button type="button" class="ls-act" data-part="tag">Add a tag</button>
        <button type="button" class="ls-act ls-loss" data-part="delete">Delete</button>
        <button type="button" class="ls-act" data-part="clear">Clear</button></span>
    <span data-part="asks-delete" hidden><span data-part="question" role="status"></span>
        <button type="button" class="ls-act ls-loss" data-part="yes">Yes, delete</button>
        <button type="button" class="ls-act" data-part="no">Keep</button></span>
    <form data-part="asks-tag" hidden><input data-part="word" aria-label="Tag to add" placeholder="Tag" maxlength="50">
        <button type="submit" class="ls-act ls-main">Add</button>
        <button type="button" class="ls-act" data-part="back">Cancel</button></form>
</div>"""
"""What selection.js shows while runs are selected."""

UNDO = """element.addEventListener('click', (event) => {
    const runs = event.target.closest('[data-undo]')?.dataset.undo
    if (runs) trigger('click', {runs: runs.split(',')})
})"""
"""JavaScript of what is said of deleted runs: a click on Bring them back is an event with their ids."""


def script() -> str:
    """JavaScript of the bar: which runs are selected, and an event with their ids when something is done with them."""
    return SCRIPT_FILE.read_text(encoding="utf-8")


def deleted(runs: Sequence[Job], kept: Sequence[Job]) -> str:
    """What came of deleting runs, with a button that brings them back. kept: those that were running."""
    if not runs and not kept:
        return parts.notice("These runs are gone already.")
    sentences, undo = [], ""
    if runs:
        what, they = ("1 run", "it") if len(runs) == 1 else (f"{len(runs):,} runs", "them")
        sentences.append(f"Deleted {what}.")
        ids = ",".join(escape(job.id) for job in runs)
        undo = f'<button type="button" class="ls-act" data-undo="{ids}">{t(f"Bring {they} back")}</button>'
    if kept:
        names = ", ".join(repr(job.name) for job in kept)
        sentences.append(f"Not deleted, because still running: {names}. Stop first what you want to delete.")
    return _said(" ".join(sentences), "warn" if kept else "calm", undo)


def tagged(tags: Sequence[str], runs: int) -> str:
    """What came of tagging runs."""
    what = "Tag" if len(tags) == 1 else "Tags"
    return _said(f"{what} {', '.join(tags)} added to {runs:,} run{'' if runs == 1 else 's'}.", "calm")


def _said(text: str, tone: str, button: str = "") -> str:
    return f'<div class="ls-notice ls-{tone} ls-said" role="status"><span>{escape(t(text))}</span>{button}</div>'
