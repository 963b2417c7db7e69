"""The page of a run that somebody else shares by a link: to look at, to try, to take home, and for nothing else."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from html import escape
from typing import Any

import gradio as gr

from app.studio import Studio
from app.ui import parts, top
from app.ui.components import AT_ONCE, BROWSER_ZONE, QUIET, piece
from app.ui.guard import KNOWN, guarded
from app.ui.language import t
from app.ui.runs import answers, plots, results_html, run_html, scores_html
from app.ui.streaming import stream
from app.ui.translated_layout import html_in
from app.views import local_time
from app.views.run_view import RunView

_ROWS_A_PAGE = 25
_ROWS = parts.title("Row by row", "The rows that were scored; wrong ones first, the surest of them on top.")
_MOST_WAITING = 12
"""People who wait for the model at a time, as on the Try tab."""


class SharedPage:
    """The handlers of the page. Each asks anew what the link shows, so that a revoked one shows nothing more."""

    def __init__(self, studio: Studio) -> None:
        self._studio = studio

    def open(self, request: gr.Request) -> str:
        """The secret of the link that the address has."""
        return str(request.query_params.get("link", ""))

    def show(self, link: str, zone: str) -> list[Any]:
        """Everything about the run, or why there is nothing. zone: the name of the browser's time zone."""
        try:
            shared = self._studio.linked(link)
            view = local_time.in_zone(shared.view(), local_time.zone_of(zone))
        except KNOWN as error:
            gone = run_html.head_without_run(str(error))
            return [gone, gr.Column(visible=False), *[gr.skip()] * 5, gr.Button(visible=False), gr.skip(), "", ""]
        rows, more = self.rows(link, _ROWS_A_PAGE)
        return [
            _head(view),
            gr.Column(visible=True),
            scores_html.scores(view),
            gr.Row(visible=view.has_curves),
            plots.loss_plot(view.loss, view.steps),
            plots.score_plot(view.metric, view.validation, view.steps),
            rows,
            more,
            _download(link) if view.can_try else "",
            link if view.can_try else "",
            run_html.tab_title(view),
        ]

    def rows(self, link: str, most: int) -> tuple[str, Any]:
        """The first tested rows, and the button for more of them."""
        results = self._studio.linked(link).view().results
        found = results.chosen("All", "", "", "") if results else []
        html = html_in(_ROWS, t) + results_html.answer_list(found[:most], len(found)) if found else ""
        return html, gr.Button(visible=len(found) > most)

    def answer(self, link: str, *boxes: str) -> Iterator[str]:
        """HTML of what is being done, then of the answers. boxes: a text for each input column."""

        def work(send: Callable[[str], None]) -> str:
            shared = self._studio.linked(link)
            columns = shared.run().config.data.input_columns
            inputs = dict(zip(columns, ((box or "") for box in boxes), strict=False))
            answer = shared.answer(
                inputs,
                lambda stage: send(answers.waiting_html(stage)),
                lambda growing: send(answers.answer_html(growing[0], writing=True)),
            )
            return answers.answer_html(answer)

        try:
            for html, _ in stream(work):
                yield html
        except KNOWN as error:
            yield parts.problems([str(error)])

    def boxes(self, link: str) -> None:
        """Lays out a box for each input column, and wires the button below. link: "" while nothing can be tried."""
        if not link:
            return
        columns = self._studio.linked(link).run().config.data.input_columns
        with gr.Row(elem_classes="ls-try-row"):
            with gr.Column(min_width=320):
                piece(parts.title("Try the prompt", "Write an input as it stands in the data, without the answer."))
                cells = [
                    gr.Textbox("", label=column, lines=2, max_lines=12, elem_classes="ls-try", elem_id=f"try-{number}")
                    for number, column in enumerate(columns)
                ]
                ask = gr.Button("Answer", size="md", variant="primary", elem_id="answer")
            with gr.Column(min_width=320):
                result = piece('<div class="ls-no-answer">The answer appears here.</div>', min_height=220)
        waiting = f"() => {json.dumps(answers.waiting_html('Sending the input'))}"
        gr.on([ask.click, *(cell.submit for cell in cells)], None, None, result, js=waiting, **AT_ONCE).then(
            guarded(self.answer),
            [gr.State(link), *cells],
            result,
            api_visibility="private",
            show_progress="hidden",
            concurrency_limit=_MOST_WAITING,
        ).failure(lambda: "", None, result, **AT_ONCE)


def _head(view: RunView) -> str:
    said = "Somebody shares this run with you: look at it, try its prompt, take it home. Nothing here changes it."
    about = " · ".join(
        (escape(view.backbone), escape(view.dataset_name), f"{t('made')} {parts.moment(view.created_at, view.now)}")
    )
    return (
        f'<div class="ls-head"><h1>{escape(view.name)}</h1>{parts.pill(view.status.label, view.status.tone)}</div>'
        f'<p class="ls-small">{about}</p><p class="ls-small">{t(said)}</p>'
        f"{parts.tiles(view.tiles) if view.tiles else ''}{run_html.verdict(view)}"
    )


def _download(link: str) -> str:
    return f'<a class="ls-button" href="shared/{escape(link)}.zip" download>{t("Download the prompt")}</a>'


def build(studio: Studio, page: gr.Blocks) -> None:
    """Lays the page out in the current Blocks and wires it."""
    top.build(studio, "Shared")
    handlers = SharedPage(studio)
    head = piece(elem_id="shared-head")
    with gr.Column(visible=False) as content:
        scores = piece(elem_id="shared-scores")
        with gr.Row(elem_classes="ls-plots", visible=False) as both:
            with gr.Column(elem_classes="ls-plot"):
                piece(parts.key("Training loss", (("each step", "pale"), ("smoothed", "tuned"))))
                loss = plots.empty_plot("Training loss", "Loss")
            with gr.Column(elem_classes="ls-plot"):
                piece(
                    parts.key(
                        "Score on the validation rows", (("tuned prompt", "tuned"), ("untrained model", "untrained"))
                    )
                )
                score = plots.empty_plot("Score on the validation rows", "Score")
        ready = gr.Textbox("", visible="hidden", label="Ready")  # no gr.State: its change is an event
        gr.render(ready, triggers=[ready.change], queue=False)(guarded(handlers.boxes))
        download = piece(elem_id="shared-download")
        rows = piece(elem_id="shared-rows")
        more = gr.Button("Show more", visible=False, elem_classes="ls-back")
    title = gr.Textbox("", visible="hidden", label="Title of the tab")
    title.change(None, title, None, js="(text) => { if (text) document.title = text }")
    link, most, zone = gr.State(""), gr.State(_ROWS_A_PAGE), gr.Textbox("", visible="hidden", label="Time zone")
    opened = page.load(guarded(handlers.open), None, link, **AT_ONCE)
    asked = opened.then(None, None, zone, js=BROWSER_ZONE, **AT_ONCE)
    shown = [head, content, scores, both, loss, score, rows, more, download, ready, title]
    asked.then(guarded(handlers.show), [link, zone], shown, **QUIET)
    more.click(lambda number: number + _ROWS_A_PAGE, most, most, **AT_ONCE).then(
        guarded(handlers.rows), [link, most], [rows, more], **QUIET
    )
