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


class Handlers:
    """What this part does."""

    def __init__(self, studio: Studio, chosen: Callable[[str], list[Any]]) -> None:
        """`chosen`: the Tune page's form with a new data set as the chosen one."""
        self._studio, self._chosen = studio, chosen

    def edited(self) -> list[Any]:
        """Another id: what was found for the one before does not hold."""
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
            return [*self.edited(), parts.problems([str(error)])]
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
            found = self._studio.hub_splits(id, subset)
        except KNOWN as error:
            return [gr.Dropdown(choices=[], value=None), parts.problems([str(error)])]
        return [gr.Dropdown(choices=found, value=found[0]), ""]

    def begin(self, id: str) -> list[Any]:
        """What is seen at once, before the first rows are here."""
        return [gr.Button(interactive=False), parts.notice(f"Fetching {id.strip()} from the Hub.")]

    def fetch(self, id: str, subset: str | None, split: str | None, progress: gr.Progress = gr.Progress()) -> list[Any]:  # noqa: B008
        """Fetches a part, as the chosen data set; what is wrong with it is one sentence, and the form stays."""

        def told(rows: int, total: int | None) -> None:
            progress(rows / total if total else None, desc=f"{formatting.rows(rows)} fetched")

        progress(None, desc="Asking the Hub")
        try:
            entry, found = self._studio.fetch_dataset(id, subset or "", split or "", told)
        except KNOWN as error:
            return [gr.skip()] * 3 + [parts.problems([str(error)])]
        said = f"{entry.name} has {formatting.rows(found.rows)} and {len(entry.columns)} columns."
        if not found.whole:
            said += " These are the first ones; the Hub has more."
        if found.left_out:
            said += f" Left out, because they hold no text: {', '.join(found.left_out)}."
        return [*self._chosen(entry.reference), parts.notice(said, "good", "Added.")]


def build(studio: Studio, chosen: Callable[[str], list[Any]], form: list[Any], said: gr.HTML) -> None:
    """Lays the part out and wires it; `form`: the data set and its columns, which a fetched one fills."""
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
    does = Handlers(studio, chosen)
    found = [subset, split, look, fetch]
    asked: dict[str, Any] = {"api_visibility": "private", "concurrency_limit": None}
    id.input(does.edited, None, found, **AT_ONCE)
    gr.on([id.submit, look.click], sentences(does.look_up), id, [*found, said], show_progress_on=id, **asked)
    subset.input(sentences(does.splits), [id, subset], [split, said], show_progress_on=split, **asked)
    fetch.click(does.begin, id, [fetch, said], **AT_ONCE).then(
        sentences(does.fetch),
        [id, subset, split],
        [*form, said],
        show_progress_on=said,
        api_visibility="private",
        concurrency_limit=4,
    ).then(lambda: gr.Button(interactive=True), None, fetch, **AT_ONCE)
