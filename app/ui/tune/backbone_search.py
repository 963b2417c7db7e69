"""The part of the Tune page that finds a backbone on the Hugging Face Hub while its name is typed."""

from __future__ import annotations

from typing import Any

import gradio as gr

from app.hub.model_search import SHORTEST_SEARCH
from app.studio import Studio
from app.ui import parts
from app.ui.components import AT_ONCE, piece
from app.ui.guard import KNOWN, guarded
from app.ui.tune import backbone_text

_WAIT = 350
"""Milliseconds without another key after which the Hub is asked."""
_WHEN_TYPED = f"""(text, asked) => new Promise((done) => {{
    if (!document.activeElement?.closest('#other-backbone')) return done(asked)
    const turn = window.lampModelSearch = (window.lampModelSearch ?? 0) + 1
    setTimeout(() => done(turn === window.lampModelSearch ? text : asked), {_WAIT})
}})"""
"""JavaScript (text in the box, text that was asked for last) → text to ask for: the box's, once typing has paused.
A text that no person is writing, such as a chosen model's id, is not asked for."""


class BackboneSearch:
    """The handlers of the search."""

    def __init__(self, studio: Studio) -> None:
        self._studio = studio

    def search(self, text: str) -> list[Any]:
        """The models to choose from, and a sentence where there are none."""
        text = text.strip()
        if len(text) < SHORTEST_SEARCH or text.startswith(("/", ".", "~")):
            return [gr.Radio(visible=False), ""]
        try:
            models = self._studio.models.search(text)
        except KNOWN as error:
            return [gr.Radio(visible=False), parts.notice(str(error), "warn")]
        if not models:
            nothing = f"No language model with safetensors weights has {text!r} in its name on the Hub."
            return [gr.Radio(visible=False), parts.notice(nothing)]
        choices = [(backbone_text.found_card(model), model.id) for model in models]
        chosen = text if any(model.id == text for model in models) else None
        return [gr.Radio(choices=choices, value=chosen, visible=True), ""]


def build(studio: Studio, choice: gr.Radio, box: gr.Textbox) -> Any:
    """Lays the results out and wires them; returns the event of a choice, after which its id is in the box.

    choice: the offered backbones; another choice than "" hides the results.
    """
    message = piece(elem_classes="ls-slot", elem_id="found-message")
    results = gr.Radio(
        [],
        label="Found on the Hub",
        visible=False,
        container=False,
        elem_id="found-backbones",
        elem_classes="ls-cards",
    )
    asked = gr.Textbox("", visible="hidden", label="Name that was searched for")
    choice.change(_hide_unless_other, choice, [results, message], **AT_ONCE)
    # "multiple": every key starts the wait anew, also while the last one's goes on. Not `input`: Gradio's Textbox
    # tells of keys by it, and not of what is pasted.
    box.change(None, [box, asked], asked, js=_WHEN_TYPED, trigger_mode="multiple", **AT_ONCE)
    # One search at a time, so that an earlier answer cannot come after a later one.
    asked.change(
        guarded(BackboneSearch(studio).search),
        asked,
        [results, message],
        trigger_mode="always_last",
        api_visibility="private",
        show_progress_on=box,
        show_progress="minimal",
        concurrency_limit=None,
    )
    return results.input(None, results, box, js="(id) => id", **AT_ONCE)


def _hide_unless_other(choice: str) -> list[Any]:
    """Hides what was found when an offered backbone is chosen."""
    return [gr.skip(), gr.skip()] if choice == "" else [gr.Radio(visible=False), ""]
