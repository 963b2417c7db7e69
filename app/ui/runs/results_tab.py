"""The Results tab: the scores, which labels are mistaken for which, and every row that was scored."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import gradio as gr

from app.studio import Studio
from app.ui import help_texts, parts
from app.ui.components import AT_ONCE, piece
from app.ui.guard import guarded, told
from app.ui.language import t
from app.ui.runs import results_html, score_box, scores_html
from app.ui.runs.confusion_table import confusion_table
from app.views.results import ALL, FILTERS
from app.views.run_view import RunView

_ROWS_A_PAGE = 25
_ANY = ("Any", "")


class ResultsTab:
    """The handlers of the Results tab."""

    def __init__(self, studio: Studio) -> None:
        self._studio = studio

    def open(self, run: str, ready: str) -> list[Any]:
        """Shows the rows of a run that has them, with the labels to choose from and the file to take home.

        ready: the view's `prompt_version`.
        """
        results = self._studio.results(run) if ready else None
        if results is None:
            hidden = gr.Column(visible=False)
            return [hidden, gr.skip(), gr.skip(), gr.skip()]
        labels = sorted({answer.expected for answer in results.answers} | {answer.answer for answer in results.answers})
        choices = [(t("Any"), ""), *((label, label) for label in labels)]
        # Without a value: a number of the confusion matrix may have been clicked already.
        of_label = gr.Dropdown(choices=choices, visible=results.are_labels)
        return [
            gr.Column(visible=True),
            of_label,
            of_label,
            gr.DownloadButton(value=str(self._studio.results_file(run))),
        ]

    def show(
        self, run: str, shown: str, expected: str | None, answered: str | None, text: str, most: int
    ) -> tuple[str, Any]:
        """The chosen rows, and the button for more of them. The arguments are those of `Results.chosen`."""
        results = self._studio.results(run)
        if results is None:
            return "", gr.Button(visible=False)
        rows = results.chosen(shown, expected or "", answered or "", text)
        return results_html.answer_list(rows[:most], len(rows)), gr.Button(visible=len(rows) > most)

    def of_cell(self, event: gr.EventData) -> tuple[str, str, str]:
        """The filters for the cell of the confusion matrix that was clicked."""
        return ALL, str(told(event, "expected")), str(told(event, "answered"))


def _nothing(view: RunView) -> str:
    if view.prompt_version:
        return ""
    return parts.empty(
        "No results yet", "When the run ends, also when you stop it early, its prompt answers rows that it never saw."
    )


def build(studio: Studio, run: gr.State, ready: gr.Textbox, show: Callable[..., Any]) -> Any:
    """Lays out the tab and wires it. show: adds a component to the run's page, as `ViewTable.add` does.

    Returns the event after which an imported prompt has other results.
    """
    show(piece(elem_id="no-results"), _nothing)
    scored = score_box.build(studio, run, ready)
    show(piece(elem_id="run-scores"), scores_html.scores)
    confusion = show(
        piece(elem_id="run-confusion", script=results_html.CHOOSE), lambda view: confusion_table(view.confusion)
    )
    with gr.Column(visible=False) as rows:
        piece(help_texts.unfolding("score"))
        piece(parts.title("Row by row", "The rows that were scored; wrong ones first, the surest of them on top."))
        with gr.Row(elem_classes="ls-filters"):
            shown = gr.Radio(
                list(FILTERS), value=ALL, label="Show", show_label=False, container=False, elem_classes="ls-segments"
            )
            text = gr.Textbox("", placeholder="Search the rows", label="Search", show_label=False, container=False)
        with gr.Row(elem_classes="ls-filters"):
            expected = gr.Dropdown([_ANY], value="", label="Expected", elem_id="results-expected")
            answered = gr.Dropdown([_ANY], value="", label="Answered", elem_id="results-answered")
            download = gr.DownloadButton("Download as CSV", size="md", elem_id="results-csv")
        answers = piece(elem_id="results")
        more = gr.Button("Show more", visible=False, elem_classes="ls-back")
    most = gr.State(_ROWS_A_PAGE)

    tab = ResultsTab(studio)
    choice: list[Any] = [run, shown, expected, answered, text, most]
    opened = ready.change(guarded(tab.open), [run, ready], [rows, expected, answered, download], **AT_ONCE)
    listed: dict[str, Any] = {"fn": guarded(tab.show), "inputs": choice, "outputs": [answers, more]}
    opened.then(**listed, **AT_ONCE)
    gr.on(
        [shown.input, expected.input, answered.input, text.change],
        lambda: _ROWS_A_PAGE,
        None,
        most,
        trigger_mode="always_last",
        **AT_ONCE,
    ).then(**listed, **AT_ONCE)
    more.click(lambda number: number + _ROWS_A_PAGE, most, most, **AT_ONCE).then(**listed, **AT_ONCE)
    confusion.click(tab.of_cell, None, [shown, expected, answered], **AT_ONCE).then(
        lambda: _ROWS_A_PAGE, None, most, **AT_ONCE
    ).then(**listed, **AT_ONCE)
    return scored
