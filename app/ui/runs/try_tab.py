"""The Try tab: an input, and its answer with and without the trained prompt."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any

import gradio as gr

from app.answering.answer import Answer
from app.answering.prompt_kind import PromptKind
from app.data.rows_to_try import DataRow
from app.run import Run
from app.studio import Studio
from app.ui import parts
from app.ui.components import AT_ONCE, QUIET, piece
from app.ui.guard import KNOWN, guarded
from app.ui.language import t
from app.ui.runs import answers, fill_row, try_many
from app.ui.runs.refresh import Refresh
from app.ui.runs.sampling_boxes import sampling_boxes, sampling_of
from app.ui.streaming import stream
from app.ui.translated_layout import html_in
from lamp.sampling import GREEDY, Sampling

_MOST_WAITING = 12
"""People who wait for the model at a time: each has one of the server's forty threads. It is said that they wait."""
MOST_BESIDE = 3
"""Further runs that answer the same input."""
_NO_ANSWER = '<div class="ls-no-answer">The answer appears here.</div>'
_BEST, _VOTE = "best", "vote"


class TryTab:
    """The handlers of the Try tab of one run."""

    def __init__(self, studio: Studio, run: Run, kind: PromptKind) -> None:
        self._studio, self._run, self._kind = studio, run, kind
        self._columns = run.config.data.input_columns

    def answer(self, row: DataRow | None, beside: Sequence[str], *boxes: str) -> Iterator[str]:
        """HTML of what is being done, then of the answers, again after each new piece of free text.

        row: the one that was filled in last; beside: ids of further runs that answer the same input; boxes: a text for
        each input column, then for free text the boxes of `sampling_boxes`, and where several prompts vote, who
        answers. A wrong input is one sentence in place of the answers.
        """
        inputs = dict(zip(self._columns, ((box or "") for box in boxes), strict=False))
        settings = boxes[len(self._columns) :]
        target = row.target if row and row.inputs == inputs else ""

        def work(send: Callable[[str], None]) -> str:
            sampling = sampling_of(settings) if self._kind.writes_texts else GREEDY
            (answer,) = self._studio.try_prompt(
                self._run.job.id,
                [inputs],
                lambda stage: send(answers.waiting_html(stage)),
                lambda growing: send(answers.answer_html(growing[0], writing=True)),
                sampling,
                vote=self._kind.voters > 1 and settings[-1:] == (_VOTE,),
            )
            shown = answers.answer_html(answer, target)
            return shown + answers.beside_html(self._beside(beside, inputs, sampling, lambda html: send(shown + html)))

        try:
            for html, _ in stream(work):
                yield html
        except KNOWN as error:
            yield parts.problems([str(error)])

    def _beside(
        self, runs: Sequence[str], inputs: dict[str, str], sampling: Sampling, send: Callable[[str], None]
    ) -> list[tuple[str, Answer | str]]:
        """(name, answer or why there is none) of further runs, one after another. send: is given HTML meanwhile."""
        others: list[tuple[str, Answer | str]] = []
        for run in runs[:MOST_BESIDE]:
            name = run
            try:
                name = self._studio.job(run).name
                send(answers.beside_html(others) + answers.waiting_html(f"Answering with {name}"))
                others.append((name, self._studio.try_prompt(run, [inputs], sampling=sampling, untrained=False)[0]))
            except KNOWN as error:
                others.append((name, str(error)))
        return others


def warm_up(studio: Studio, run: str, ready: str, opened: bool) -> Iterator[str]:
    """HTML that says that the model is being loaded; "" once it is, or why it cannot be.

    ready: the view's `prompt_version`; opened: whether anybody wants it.
    """
    if not ready or not opened:
        return

    def work(send: Callable[[str], None]) -> str:
        studio.warm_up(run, send)
        return ""

    try:
        for update, final in stream(work):
            yield "" if final else answers.loading_html(update)
    except KNOWN as error:
        yield parts.notice(str(error), "warn")


def build(studio: Studio, run: gr.State, ready: gr.Textbox, tab: gr.Tab) -> Refresh:
    """Lays `tab` out; a box for each input column of the run appears once it has a prompt.

    The backbone is loaded when the tab is opened, while the person still writes. Returns what brings the progress
    of a list up to date.
    """

    def boxes(run: str, ready: str) -> None:
        if not ready:
            piece(
                parts.empty(
                    "Nothing to try yet",
                    "The prompt can be tried as soon as the run has ended, also when you stop it early.",
                )
            )
            return
        try:
            shown, kind = studio.run(run), studio.prompt_kind(run)
        except KNOWN as error:  # such as a prompt whose folder is damaged
            piece(parts.problems([str(error)]))
            return
        _build_boxes(studio, shown, kind)

    gr.render([run, ready], triggers=[ready.change], queue=False)(boxes)
    loading, opened = piece(elem_id="loading"), gr.State(False)
    load: dict[str, Any] = {
        "fn": guarded(partial(warm_up, studio)),
        "inputs": [run, ready, opened],
        "outputs": loading,
        **QUIET,
        "concurrency_limit": _MOST_WAITING,
    }
    tab.select(lambda: True, None, opened, **AT_ONCE).then(**load)
    # For a tab that was opened before there was a prompt. A step later: the page asks what depends on `ready` one after
    # another, and the other tabs need not wait for the model.
    ready.change(None, None, None, js="() => {}", **AT_ONCE).then(**load)
    return try_many.build(studio, run, ready)


def _build_boxes(studio: Studio, run: Run, kind: PromptKind) -> None:
    """Input and row to the left, the answer to the right.

    Boxes that have a value are interactive by name: Gradio takes those that appear later for mere outputs.
    """
    data, handlers = run.config.data, TryTab(studio, run, kind)
    with gr.Row(elem_classes="ls-try-row"):
        with gr.Column(min_width=320):
            piece(parts.title("Try the prompt", "Write an input as it stands in the data, without the answer."))
            cells = [
                gr.Textbox(
                    "",
                    label=column,
                    lines=3 if len(data.input_columns) == 1 else 2,
                    max_lines=12,
                    elem_id=f"try-{number}",
                    elem_classes="ls-try",
                    placeholder=t("Type here, then Ctrl+Enter or Answer"),
                )
                for number, column in enumerate(data.input_columns)
            ]
            ask = gr.Button(t("Answer"), size="md", variant="primary", elem_id="answer")
            with gr.Column(elem_classes="ls-try-more"):
                # An imported prompt has no data here until it was scored on some.
                row = fill_row.build(studio, run, cells) if run.job.dataset else gr.State(None)
                beside = _build_beside(studio, run)
                settings = sampling_boxes(data.max_target_tokens) if kind.writes_texts else []
                if kind.voters > 1:
                    settings = [*settings, _build_voters(kind)]
        with gr.Column(min_width=320):
            result = piece(html_in(_NO_ANSWER, t), elem_id="answers", min_height=220)
    # The browser itself shows the bar at once; the server's first word may take seconds while it loads a backbone.
    asked = gr.on(
        [ask.click, *[cell.submit for cell in cells]],
        None,
        None,
        result,
        js=f"() => {json.dumps(answers.waiting_html('Sending the input'))}",
        **AT_ONCE,
    )
    asked.then(
        guarded(handlers.answer),
        [row, beside, *cells, *settings],
        result,
        api_visibility="private",
        show_progress="hidden",
        concurrency_limit=_MOST_WAITING,
    ).failure(lambda: "", None, result, **AT_ONCE)


def _build_beside(studio: Studio, run: Run) -> gr.Dropdown:
    others = [(job.name, job.id) for job in studio.beside(run.job.id)]
    return gr.Dropdown(
        others,
        value=[],
        multiselect=True,
        max_choices=MOST_BESIDE,
        label=t("Other runs on the same input"),
        info=t("Up to three, of the same model."),
        visible=bool(others),
        elem_id="beside",
        interactive=True,
    )


def _build_voters(kind: PromptKind) -> gr.Radio:
    choices = [(t("The best prompt"), _BEST), (t(f"All {kind.voters} prompts, by vote"), _VOTE)]
    return gr.Radio(choices, value=_BEST, label=t("Who answers"), elem_id="try-voters", interactive=True)
