"""The button that asks for the browser's notices of runs that end, and what they say."""

from __future__ import annotations

import json
from pathlib import Path

import gradio as gr

from app.studio import Studio
from app.ui.components import AT_ONCE, piece
from app.ui.guard import guarded, told
from app.views import score_text
from app.views.score_text import RunScores
from app.views.status import state_words
from storage.jobs import Job

_SCRIPT_FILE = Path(__file__).parents[1] / "notices.js"
_BUTTON = (
    '<div class="ls-tell"><button type="button" class="ls-act" aria-pressed="false">Tell me when a run ends</button>'
    "</div>"
    '<p class="ls-notice ls-warn" role="status" hidden></p>'
)


class Notices:
    """The handler that looks which runs have ended."""

    def __init__(self, studio: Studio) -> None:
        self._studio = studio

    def look(self, event_seen: int | None, event: gr.EventData) -> tuple[int, str]:
        """The number of the newest event, and as JSON what to say of the runs that ended since the one seen before."""
        newest, ended = self._studio.ended_since(None if told(event, "fresh") else event_seen)
        return newest, json.dumps([_notice(job) for job in ended])


def build(studio: Studio) -> None:
    """Lays the button out and wires it."""
    button = piece(_BUTTON, script=_SCRIPT_FILE.read_text(encoding="utf-8"), elem_id="notices")
    event_seen = gr.Number(None, precision=0, visible="hidden", label="Newest event", elem_id="event-seen")
    ended = gr.Textbox("", visible="hidden", label="Runs that ended")
    button.click(guarded(Notices(studio).look), event_seen, [event_seen, ended], **AT_ONCE)
    ended.change(None, ended, None, js="(text) => window.lampTell(text)", **AT_ONCE)


def _notice(job: Job) -> dict[str, str]:
    word, _ = state_words(job.state)
    scores = RunScores.of(job.scores)
    metric = score_text.main_metric(scores.tuned)
    body = job.error or ""
    if metric:
        score = score_text.compare_score(metric, scores.tuned[metric], scores.untrained.get(metric))
        body = f"{score.label} {score.tuned}" + (f", {score.gain}" if score.gain else "")
    return {
        "title": f"{job.name}: {word.lower()}",
        "body": body,
        "tag": f"{job.id} {job.attempts}",  # other tabs of the studio that tell the same show it once
        "address": f"runs?run={job.id}",
    }
