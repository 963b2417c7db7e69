"""The part of the Tune page that brings a data set from the Hugging Face Hub."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import gradio as gr

from app.studio import Studio
from app.ui import parts
from app.ui.components import AT_ONCE
from app.ui.guard import KNOWN, sentences
from app.views import formatting


class HubSearch:
    """The handlers of the search."""

    def __init__(self, studio: Studio, choose_dataset: Callable[[str], list[Any]]) -> None:
        """choose_dataset: updates the Tune page's form so that a new data set is the chosen one."""
        self._studio, self._choose_dataset = studio, choose_dataset

    def reset(self) -> list[Any]:
        """Hides the parts of the data set that was looked up before, because the id has changed."""
        return [
            gr.Dropdown(visible=False),
            gr.Dropdown(visible=False),
            gr.Button(visible=True),
            gr.Button(visible=False),
        ]

    def look_up(self, id: str) -> list[Any]:
        """The parts of a data set to choose from, and the button that fetches one."""
        try:
            subsets = self._studio.hub_subsets(id)
            splits = self._studio.hub_splits(id, subsets[0])
        except KNOWN as error:
            return [*self.reset(), parts.problems([str(error)])]
        return [
            gr.Dropdown(choices=subsets, value=subsets[0], visible=len(subsets) > 1),
            gr.Dropdown(choices=splits, value=splits[0], visible=True),
            gr.Button(visible=False),
            gr.Button(visible=True),
            "",
        ]

    def splits(self, id: str, subset: str) -> list[Any]:
        """The splits of another subset."""
        try:
            splits = self._studio.hub_splits(id, subset)
        except KNOWN as error:
            return [gr.Dropdown(choices=[], value=None), parts.problems([str(error)])]
        return [gr.Dropdown(choices=splits, value=splits[0]), ""]

    def begin(self, id: str) -> list[Any]:
        """Shows at once that the data set is being fetched, before its first rows have come."""
        return [gr.Button(interactive=False), parts.notice(f"Fetching {id.strip()} from the Hub.")]

    def fetch(self, id: str, subset: str | None, split: str | None, progress: gr.Progress = gr.Progress()) -> list[Any]:  # noqa: B008
        """Fetches a part and chooses it; what is wrong with it is one sentence, and the form stays."""

        def on_rows(rows: int, total: int | None) -> None:
            progress(rows / total if total else None, desc=f"{formatting.rows(rows)} fetched")

        progress(None, desc="Asking the Hub")
        try:
            entry, fetched = self._studio.fetch_dataset(id, subset or "", split or "", on_rows)
        except KNOWN as error:
            return [gr.skip()] * 3 + [parts.problems([str(error)])]
        text = f"{entry.name} has {formatting.rows(fetched.rows)} and {len(entry.columns)} columns."
        if not fetched.whole:
            text += " These are the first ones; the Hub has more."
        if fetched.left_out:
            text += f" Left out, because they hold no text: {', '.join(fetched.left_out)}."
        return [*self._choose_dataset(entry.reference), parts.notice(text, "good", "Added.")]


def build(studio: Studio, choose_dataset: Callable[[str], list[Any]], form: list[Any], message: gr.HTML) -> None:
    """Lays the search out and wires it.

    form: the components for the data set and its columns, which `choose_dataset` updates; message: shows how it went.
    """
    with gr.Row(elem_classes="ls-hub"):
        id = gr.Textbox(
            label="Or one from the Hugging Face Hub",
            placeholder="stanfordnlp/sst2",
            max_lines=1,
            info="Its id, or the address of its page.",
            elem_id="hub-id",
            scale=4,
        )
        subset = gr.Dropdown([], label="Subset", info="Its parts.", visible=False, elem_id="hub-subset", scale=2)
        split = gr.Dropdown([], label="Split", info="What to learn from.", visible=False, elem_id="hub-split", scale=2)
        look = gr.Button("Look up", size="md", elem_id="hub-look", scale=1, min_width=110)
        fetch = gr.Button("Fetch", size="md", visible=False, elem_id="hub-fetch", scale=1, min_width=110)
    search = HubSearch(studio, choose_dataset)
    controls = [subset, split, look, fetch]
    options: dict[str, Any] = {"api_visibility": "private", "concurrency_limit": None}
    id.input(search.reset, None, controls, **AT_ONCE)
    gr.on([id.submit, look.click], sentences(search.look_up), id, [*controls, message], show_progress_on=id, **options)
    subset.input(sentences(search.splits), [id, subset], [split, message], show_progress_on=split, **options)
    fetch.click(search.begin, id, [fetch, message], **AT_ONCE).then(
        sentences(search.fetch),
        [id, subset, split],
        [*form, message],
        show_progress_on=message,
        api_visibility="private",
        concurrency_limit=4,
    ).then(lambda: gr.Button(interactive=True), None, fetch, **AT_ONCE)
