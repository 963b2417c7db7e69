"""The part of the Tune page that finds a data set on the Hugging Face Hub, by a part of its name."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import gradio as gr

from app.hub.searching import FEWEST_CHARACTERS, HubDataset
from app.studio import Studio
from app.ui import parts
from app.ui.components import AT_ONCE, QUIET, piece
from app.ui.guard import KNOWN, guarded
from app.ui.language import t
from app.ui.tune import hub_fetch
from app.views import formatting

_PAUSE = 300
"""Milliseconds without a key after which is searched for what was typed."""
_AFTER_PAUSE = (
    "(id, searched, chosen) => { const mine = window.lampSearch = {}; "
    "return id === chosen ? searched : new Promise((done) => setTimeout("
    f"() => done(window.lampSearch === mine ? id.trim() : searched), {_PAUSE})) }}"
)
"""JavaScript (the id's text, what was searched for last, the chosen result) → what to search for.

That stays the same while keys follow each other, and when the text is a result that was chosen.
"""


class HubSearch:
    """The handlers of the search."""

    def __init__(self, studio: Studio) -> None:
        self._studio = studio

    def search(self, words: str) -> list[Any]:
        """The data sets whose id holds these words, and a sentence where there are none."""
        try:
            found = self._studio.search_hub(words)
        except KNOWN as error:
            return [_results([]), parts.small(str(error))]
        nothing = not found and len(words) >= FEWEST_CHARACTERS
        return [
            _results(found),
            parts.small(f"The Hub has no public data set with {words[:80]!r} in its name.") if nothing else "",
        ]


def build(studio: Studio, choose_dataset: Callable[[str], list[Any]], form: list[Any], message: gr.HTML) -> Any:
    """Lays the search out and wires it; returns the event of a fetch that has ended.

    form: the components for the data set and its columns, which `choose_dataset` updates; message: shows how it went.
    """
    with gr.Row(elem_classes="ls-hub"):
        id = gr.Textbox(
            label="Search the Hub",
            placeholder="sst2",
            max_lines=1,
            info="A part of its name, its id, or the address of its page.",
            elem_id="hub-id",
            scale=4,
        )
        look = gr.Button("Look up", size="md", elem_id="hub-look", scale=1, min_width=110)
    said = piece(elem_id="hub-said", elem_classes="ls-remark")
    results = gr.Radio(
        [],
        label="Data sets on the Hub",
        show_label=False,
        container=False,
        visible=False,
        elem_id="hub-results",
        elem_classes=["ls-cards", "ls-results"],
    )
    asked = gr.Textbox("", visible="hidden", label="Searched on the Hub")
    search = HubSearch(studio)
    # Not `input`, which Gradio leaves out for what is pasted or deleted.
    id.change(None, [id, asked, results], asked, js=_AFTER_PAUSE, trigger_mode="multiple", **AT_ONCE)
    # One search at a time: two at once could be answered in either order, and the newest must be shown last.
    asked.change(guarded(search.search), asked, [results, said], trigger_mode="always_last", **QUIET)
    return hub_fetch.build(studio, choose_dataset, form, message, id, look, results)


def _results(found: list[HubDataset]) -> gr.Radio:
    choices = [(f"{dataset.id}\n{' · '.join(map(t, _facts(dataset)))}", dataset.id) for dataset in found]
    return gr.Radio(choices=choices, value=None, visible=bool(found))


def _facts(dataset: HubDataset) -> list[str]:
    """What helps to choose a data set, each in a word or two."""
    facts = []
    if dataset.rows is not None:
        facts.append(formatting.rows(dataset.rows))
    elif dataset.size_category:
        facts.append(_roughly(dataset.size_category))
    elif dataset.bytes is not None:
        facts.append(formatting.bytes_text(dataset.bytes))
    facts.append(f"licence {dataset.licence}" if dataset.licence else "no licence named")
    if dataset.downloads is not None:
        facts.append(f"{formatting.count(dataset.downloads)} download{'' if dataset.downloads == 1 else 's'}")
    if dataset.gated:
        facts.append("gated: it wants a token")
    return facts


def _roughly(category: str) -> str:
    """The Hub's "10K<n<100K", "n<1K" and "n>1T" in words."""
    between = re.fullmatch(r"(\w+)<n<(\w+)", category)
    if between:
        return f"{between[1]} to {between[2]} rows"
    return category.replace("n<", "fewer than ").replace("n>", "more than ") + " rows"
