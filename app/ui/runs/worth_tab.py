"""The tab that tells whether a prompt is worth its training, by comparing it with other ways."""

from __future__ import annotations

from typing import Any

import gradio as gr

from app.studio import Studio
from app.ui import parts
from app.ui.components import AT_ONCE, piece
from app.ui.guard import KNOWN, guarded
from app.ui.language import t
from app.ui.runs import worth_html
from app.ui.runs.refresh import Refresh
from app.ui.translated_layout import html_in
from app.views.worth import NAMES
from lamp.baselines.ways import WAYS
from storage.jobs import JobState

_REFRESH_SECONDS = 2.0
_NOTHING = parts.empty(
    "Nothing to compare yet",
    "When the run ends, its prompt can be compared with a written instruction, with examples and with LoRA.",
)
_NOT_KNOWN = parts.empty(
    "An imported prompt cannot be compared with other ways",
    "They would learn from the rows that it has learned from, and these are not known here.",
)


class WorthTab:
    """The handlers of the tab."""

    def __init__(self, studio: Studio) -> None:
        self._studio = studio

    def open(self, run: str, ready: str) -> list[Any]:
        """Updates of what stands in place of the tab, of the tab itself, and of the instruction."""
        imported = bool(ready) and self._studio.run(run).imported
        can = bool(ready) and not imported and self._studio.results(run) is not None
        text = self._studio.proposed_instruction(run) if can else ""
        return [
            gr.HTML(html_in(_NOT_KNOWN if imported else _NOTHING, t), visible=not can),
            gr.Column(visible=can),
            text,
        ]

    def cost(self, run: str, ready: str, ways: list[str]) -> str:
        """About how long the chosen ways take."""
        return worth_html.cost(len(ways), self._studio.seconds_of_ways(run, ways)) if ready else ""

    def start(self, run: str, ways: list[str], instruction: str) -> str:
        """Queues the comparison; "", or HTML that says why it cannot be done."""
        try:
            self._studio.compare_ways(run, ways, instruction)
        except KNOWN as error:
            return parts.problems([str(error)])
        return ""

    def show(self, run: str, ready: str, seen: str) -> list[Any]:
        """Updates of progress, sentence, picture and table, timer, the buttons, the download, and what is seen now.

        seen: the state that the page shows, as text.
        """
        job = self._studio.comparison(run) if run and ready else None
        going = job is not None and not job.state.finished
        now = f"{run} {ready} {job.id} {job.state} {job.step} {job.phase}" if job else f"{run} {ready}"
        if now == seen:  # a tab that was hidden had stopped the timer
            return [*[gr.skip()] * 4, gr.Timer(active=True) if going else gr.skip(), *[gr.skip()] * 4, seen]
        worth = self._studio.worth(run) if job is not None else None
        to_take = worth is not None and worth.any_tried and not going
        return [
            worth_html.progress(job),
            worth_html.answer(worth) if worth else "",
            worth_html.picture(worth) if worth else "",
            worth_html.table(worth) if worth else "",
            gr.Timer(active=going),
            gr.Button(interactive=not going),
            gr.Button(visible=going, interactive=job is None or job.state is not JobState.STOPPING),
            gr.Button(visible=job is not None and job.state.resumable and not going),
            gr.DownloadButton(value=str(self._studio.worth_file(run)) if to_take else None, visible=to_take),
            now,
        ]


def build(studio: Studio, run: gr.State, ready: gr.Textbox) -> Refresh:
    """Lays the tab out and wires it."""
    nothing = piece(_NOTHING, elem_id="not-compared")
    with gr.Column(visible=False) as content:
        piece(
            parts.title(
                "Is it worth it?",
                "The same rows and the same model in other ways. Those that are trained take as many steps, each at a "
                "learning rate that is found for it.",
            )
        )
        sentence = piece(elem_id="worth-sentence", elem_classes="ls-slot")
        picture = piece(elem_id="worth-picture")
        table = piece(elem_id="worth-table")
        download = gr.DownloadButton("Download as CSV", size="md", visible=False, elem_id="worth-csv")
        ways = gr.CheckboxGroup(
            [(NAMES[way], way) for way in WAYS], value=list(WAYS), label="Compare with", elem_id="worth-ways"
        )
        instruction = gr.Textbox("", label="The written instruction", lines=2, max_lines=6, elem_id="worth-instruction")
        cost = piece(elem_id="worth-cost", min_height=24)
        with gr.Row(elem_classes="ls-actions"):
            start = gr.Button("Compare with other ways", variant="primary", size="md", elem_id="worth-start")
            stop = gr.Button("Stop comparing", variant="stop", size="md", visible=False, elem_id="worth-stop")
            resume = gr.Button("Go on comparing", size="md", visible=False, elem_id="worth-resume")
        said = piece(elem_id="worth-said", elem_classes="ls-slot")
        progress = piece(elem_id="worth-progress")
    timer, seen = gr.Timer(_REFRESH_SECONDS, active=False), gr.State("")

    tab = WorthTab(studio)
    outputs = [progress, sentence, picture, table, timer, start, stop, resume, download, seen]
    refresh = Refresh(guarded(tab.show), [run, ready, seen], outputs, timer)
    show: dict[str, Any] = {"fn": refresh.handler, "inputs": refresh.inputs, "outputs": refresh.outputs, **AT_ONCE}
    chosen: dict[str, Any] = {"fn": guarded(tab.cost), "inputs": [run, ready, ways], "outputs": cost, **AT_ONCE}
    opened = ready.change(guarded(tab.open), [run, ready], [nothing, content, instruction], **AT_ONCE)
    opened.then(**show).then(**chosen)
    ways.change(**chosen)
    begun = start.click(lambda: gr.Button(interactive=False), None, start, **AT_ONCE)
    begun = begun.then(guarded(tab.start), [run, ways, instruction], said, **AT_ONCE)
    # A refusal changes no state, and the button must come back nevertheless.
    begun.then(lambda: "", None, seen, **AT_ONCE).then(**show)
    stop.click(guarded(studio.stop_comparing), run, None, **AT_ONCE).then(**show)
    resume.click(guarded(studio.resume_comparing), run, None, **AT_ONCE).then(**show)
    timer.tick(**show)
    return refresh
