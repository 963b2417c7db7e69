"""The part of the Tune page that chooses a part of a data set on the Hugging Face Hub, and fetches it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from threading import Event
from typing import Any, NamedTuple

import gradio as gr

from app.hub.access import NeedsToken
from app.hub.fetching import MOST_ROWS, FetchCancelled, HubPart, HubParts, HubSplit
from app.studio import Studio
from app.ui import parts
from app.ui.components import AT_ONCE
from app.ui.guard import KNOWN, guarded
from app.ui.language import t
from app.views import formatting
from lamp.data.tables.checks import MAX_ROWS, MAX_UNPACKED


@dataclass(frozen=True)
class LookUp:
    """What the Hub answered, and for which texts of the boxes for id and revision: those may have changed by now."""

    text: str
    revision: str = "main"
    parts: HubParts | None = None
    problem: str = ""
    """Why there are no parts."""
    needs_token: bool = False
    """Whether a token of an account that may read the data set is wanted."""


class HubFetch:
    """The handlers of the choice."""

    def __init__(self, studio: Studio, choose_dataset: Callable[[str], list[Any]]) -> None:
        """choose_dataset: updates the Tune page's form so that a new data set is the chosen one."""
        self._studio, self._choose_dataset = studio, choose_dataset
        self._cancelled: dict[str | None, Event] = {}
        """Of each page that fetches: whether its Cancel was pressed."""

    def another_id(self, id: str, looked: LookUp) -> list[Any]:
        """Hides what was looked up, once the id is another one; drops the token, and goes back to the branch main."""
        if looked.text == id:
            return [gr.skip()] * 5
        hidden = [gr.Row(visible=False), gr.Accordion(visible=False, open=False)]
        return [*hidden, "main", gr.Textbox("", visible=False), "" if looked.problem else gr.skip()]

    def another_revision(self, revision: str, looked: LookUp) -> Any:
        """Hides the parts that were looked up, once the revision is another one."""
        return gr.skip() if looked.revision == revision else gr.Row(visible=False)

    def look_up(self, id: str, revision: str, token: str, subset: str | None = None) -> LookUp:
        """The parts of a data set, with the splits of its first subset, or of another one that was chosen."""
        try:
            return LookUp(id, revision, self._studio.look_up_dataset(id, subset or "", revision, token))
        except KNOWN as error:
            return LookUp(id, revision, problem=str(error), needs_token=isinstance(error, NeedsToken))

    def show(self, id: str, revision: str, looked: LookUp) -> list[Any]:
        """What was looked up: the parts to choose from, or a sentence; nothing where it is no longer asked for."""
        if (looked.text, looked.revision) != (id, revision):
            return [gr.skip()] * 7
        found = looked.parts
        if found is None:
            token = gr.Textbox("", visible=True) if looked.needs_token else gr.skip()
            return [gr.Row(visible=False), *[gr.skip()] * 4, token, parts.problems([looked.problem])]
        splits = [
            (f"{split.name} · {t(formatting.rows(split.rows))}" if split.rows else split.name, split.name)
            for split in found.splits
        ]
        return [
            gr.Row(visible=True),
            gr.Dropdown(choices=list(found.subsets), value=found.subset, visible=len(found.subsets) > 1),
            gr.Dropdown(choices=splits, value=found.splits[0].name),
            self.rows(found.splits[0].name, looked),
            gr.Accordion(label=t(f"Revision {revision.strip() or 'main'}, commit {found.revision[:10]}"), visible=True),
            gr.skip(),
            "",
        ]

    def rows(self, split: str | None, looked: LookUp) -> gr.Dropdown:
        """How many rows of a split can be fetched; hidden where there is no choice."""
        splits = {split.name: split for split in looked.parts.splits} if looked.parts else {}
        chosen = splits.get(split or "", HubSplit("", None))
        count = chosen.rows
        every = "All of them" if count is None else f"All {count:,}"
        if count is not None and count > MAX_ROWS:
            every = f"The first {MAX_ROWS:,}, which is the most"
        if chosen.bytes is not None and chosen.bytes > MAX_UNPACKED:
            every += f", but at most {formatting.bytes_text(MAX_UNPACKED)} of text"
        choices = [(t(f"The first {MOST_ROWS:,}"), False), (t(every), True)]
        return gr.Dropdown(choices=choices, value=False, visible=count is None or count > MOST_ROWS)

    def begin(self, looked: LookUp, request: gr.Request) -> list[Any]:
        """Shows at once that the data set is being fetched, before its first rows have come."""
        self._cancelled[request.session_hash] = Event()
        id = looked.parts.id if looked.parts else ""
        return [
            gr.Button(visible=False),
            gr.Button(t("Cancel"), visible=True, interactive=True),
            parts.notice(f"Fetching {id} from the Hub."),
        ]

    def cancel(self, request: gr.Request) -> gr.Button:
        """Ends the fetch of this page at its next batch of rows."""
        if cancelled := self._cancelled.get(request.session_hash):
            cancelled.set()
        return gr.Button(t("Cancelling …"), interactive=False)

    def end(self, request: gr.Request) -> list[Any]:
        """Offers to fetch again."""
        self._cancelled.pop(request.session_hash, None)
        return [gr.Button(visible=True), gr.Button(visible=False)]

    def fetch(
        self,
        looked: LookUp,
        split: str | None,
        all_rows: bool | None,
        token: str,
        request: gr.Request,
        progress: gr.Progress = gr.Progress(),  # noqa: B008  # how Gradio hands in its progress bar
    ) -> list[Any]:
        """Fetches a part and chooses it; the token is gone from the page then.

        If that fails, one sentence says why and the form stays as it is.
        """
        found, cancelled = looked.parts, self._cancelled.get(request.session_hash, Event())

        def on_rows(rows: int, total: int | None) -> None:
            if cancelled.is_set():
                raise FetchCancelled("Nothing was added.")
            of = f" of {total:,}" if total else ""
            progress(rows / total if total else None, desc=t(f"{rows:,}{of} rows fetched"))

        if found is None:
            return [gr.skip()] * 6
        progress(None, desc=t("Asking the Hub"))
        try:
            part = HubPart(found.id, found.subset, split or "", found.revision, bool(all_rows))
            entry, fetched = self._studio.fetch_dataset(part, on_rows, token)
        except FetchCancelled as end:
            return [gr.skip()] * 5 + [parts.notice(str(end), heading="Cancelled.")]
        except KNOWN as error:
            box = gr.Textbox(visible=True) if isinstance(error, NeedsToken) else gr.skip()
            return [*[gr.skip()] * 4, box, parts.problems([str(error)])]
        text = f"{entry.name} has {formatting.rows(fetched.rows)} and {len(entry.columns)} columns."
        if not fetched.whole:
            text += " These are the first ones; the Hub has more."
        if fetched.left_out:
            text += f" Left out, because they hold no text: {', '.join(fetched.left_out)}."
        return [
            *self._choose_dataset(entry.reference),
            gr.Radio(visible=False),
            gr.Textbox("", visible=False),
            parts.notice(text, "good", "Added."),
        ]


class _Boxes(NamedTuple):
    """The components of the choice of a part."""

    token: gr.Textbox
    part: gr.Row
    """Holds the next four"""
    subset: gr.Dropdown
    split: gr.Dropdown
    rows: gr.Dropdown
    fetch: gr.Button
    commit: gr.Accordion
    """Holds `revision`"""
    revision: gr.Textbox
    cancel: gr.Button
    looked: gr.State
    """The LookUp that the boxes show"""


def build(
    studio: Studio,
    choose_dataset: Callable[[str], list[Any]],
    form: list[Any],
    message: gr.HTML,
    id: gr.Textbox,
    look: gr.Button,
    results: gr.Radio,
) -> Any:
    """Lays the choice out below the search and wires it; returns the event of a fetch that has ended.

    id, look, results: of the search; form, message, choose_dataset: as there.
    """
    boxes, handlers = _lay_out(), HubFetch(studio, choose_dataset)
    _wire_look_ups(handlers, boxes, message, id, look, results)
    boxes.cancel.click(handlers.cancel, None, boxes.cancel, **AT_ONCE)
    return (
        boxes.fetch.click(handlers.begin, boxes.looked, [boxes.fetch, boxes.cancel, message], **AT_ONCE)
        .then(
            guarded(handlers.fetch),
            [boxes.looked, boxes.split, boxes.rows, boxes.token],
            [*form, results, boxes.token, message],
            show_progress_on=message,
            api_visibility="private",
            concurrency_limit=4,
        )
        .then(handlers.end, None, [boxes.fetch, boxes.cancel], **AT_ONCE)
    )


def _lay_out() -> _Boxes:
    token = gr.Textbox(
        "",
        label="Token",
        type="password",
        placeholder="hf_…",
        info="Of an account that may read this data set. It is used to read it now, and kept nowhere.",
        max_lines=1,
        visible=False,
        elem_id="hub-token",
    )
    with gr.Row(visible=False, elem_classes="ls-hub") as part:
        subset = gr.Dropdown([], label="Subset", info="Its parts.", visible=False, elem_id="hub-subset", scale=2)
        split = gr.Dropdown([], label="Split", info="What to learn from.", elem_id="hub-split", scale=2)
        rows = gr.Dropdown([], label="How many rows", info="More take longer.", elem_id="hub-rows", scale=2)
        fetch = gr.Button("Fetch", size="md", elem_id="hub-fetch", scale=1, min_width=110)
    with gr.Accordion("Revision", open=False, visible=False, elem_id="hub-commit") as commit:
        revision = gr.Textbox(
            "main",
            label="Another revision",
            info="A branch, a tag or the hash of a commit; press Enter to look it up.",
            max_lines=1,
            elem_id="hub-revision",
        )
    cancel = gr.Button("Cancel", size="md", visible=False, elem_id="hub-cancel", elem_classes="ls-back")
    return _Boxes(token, part, subset, split, rows, fetch, commit, revision, cancel, gr.State(LookUp("")))


def _wire_look_ups(
    handlers: HubFetch, boxes: _Boxes, message: gr.HTML, id: gr.Textbox, look: gr.Button, results: gr.Radio
) -> None:
    """Has the Hub asked for the parts of a data set when its id, revision, subset or the token changes."""
    token, part, subset, split, rows, _, commit, revision, _, looked = boxes
    # One look-up of a kind at a time, the newest last; `show` leaves out what was looked up for an earlier id.
    options: dict[str, Any] = {"api_visibility": "private", "concurrency_limit": None, "trigger_mode": "always_last"}
    at_once: dict[str, Any] = {**AT_ONCE, "trigger_mode": "always_last"}
    id.change(handlers.another_id, [id, looked], [part, commit, revision, token, message], **at_once)
    revision.change(handlers.another_revision, [revision, looked], part, **at_once)
    asked = [id, revision, token]
    look_up = guarded(handlers.look_up)
    for looked_up in (
        gr.on(
            [id.submit, revision.submit, token.submit, look.click],
            look_up,
            asked,
            looked,
            show_progress_on=id,
            **options,
        ),
        results.input(lambda chosen: chosen, results, id, **AT_ONCE).then(
            look_up, asked, looked, show_progress_on=results, **options
        ),
        subset.input(look_up, [*asked, subset], looked, show_progress_on=split, **options),
    ):
        looked_up.then(
            guarded(handlers.show),
            [id, revision, looked],
            [part, subset, split, rows, commit, token, message],
            **AT_ONCE,
        )
    split.input(guarded(handlers.rows), [split, looked], rows, **at_once)
