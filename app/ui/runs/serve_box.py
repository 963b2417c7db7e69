"""The part of the tab "Use it" that has the studio answer programs."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import gradio as gr

from app.prompts.serve_code import CURL, PROGRAMS, PYTHON, serve_code
from app.studio import Studio
from app.ui import parts
from app.ui.components import AT_ONCE, QUIET, piece, studio_address
from app.ui.guard import KNOWN, guarded
from app.ui.language import t
from app.ui.runs import serve_html
from app.views.local_time import zone_of

_REFRESH_SECONDS = 1.0
_TITLE = parts.title(
    "Have the studio answer programs",
    "They ask this prompt over HTTP, as they would ask OpenAI, at this studio's address. The model is loaded when it "
    "is asked, and leaves the memory five minutes after the last request.",
)


class ServeBox:
    """The handlers of this part of the tab."""

    def __init__(self, studio: Studio) -> None:
        self._studio = studio

    def show(self, run: str, ready: str, program: str, zone: str, request: gr.Request) -> list[Any]:
        """Updates of the state, the timer, the buttons, the box of the vote, the program and the list of all."""
        if not ready:
            return [gr.skip() for _ in range(8)]
        studio = self._studio
        served = studio.served_run(run)
        kind = served.kind if served else studio.prompt_kind(run)
        code = gr.Code(visible=False)
        if served and kind:
            use = studio.prompt_use(run, studio_address(request, "runs"))
            text = serve_code(use, served.model, program)
            code = gr.Code(text, language="shell" if program == CURL else "python", visible=True)
        can_vote = kind is not None and kind.can_vote
        voters = kind.voters if kind else 1
        # A tick that was made for another run would be sent along, unseen.
        tick: dict[str, Any] = {} if can_vote else {"value": False}
        return [
            serve_html.state(served),
            gr.Timer(active=serve_html.is_loading(served)),
            gr.Button(visible=served is None),
            gr.Button(visible=served is not None),
            gr.Checkbox(label=t(f"All {voters} prompts of this run vote"), visible=can_vote and served is None, **tick),
            gr.Radio(visible=served is not None and kind is not None),
            code,
            serve_html.served_list(studio.served(), datetime.now(zone_of(zone))),
        ]

    def serve(self, run: str, vote: bool) -> str:
        """Serves the prompt; "", or HTML that says why it cannot be."""
        studio = self._studio
        return self._tried(lambda: studio.serve(run, vote=bool(vote) and studio.prompt_kind(run).can_vote))

    def stop(self, run: str) -> str:
        """Serves the prompt no longer."""
        return self._tried(lambda: self._studio.stop_serving(run))

    def stop_listed(self, event: gr.EventData) -> str:
        """The same for the prompt whose button in the list was pressed."""
        return self.stop(str(getattr(event, "run", "")))

    def _tried(self, act: Any) -> str:
        try:
            act()
        except KNOWN as error:
            return parts.problems([str(error)])
        return ""


def build(studio: Studio, run: gr.State, ready: gr.Textbox, zone: gr.Textbox, tab: gr.Tab) -> None:
    """Lays this part out and wires it. zone: the name of the browser's time zone; tab: the one that it stands on."""
    piece(_TITLE)
    state = piece(elem_id="serve-state", min_height=24)
    with gr.Column(elem_id="serve-actions"):
        vote = gr.Checkbox(label="All prompts of this run vote", value=False, visible=False, elem_id="serve-vote")
        with gr.Row(elem_classes="ls-actions"):
            serve = gr.Button("Serve it", size="md", variant="primary", visible=False, elem_id="serve")
            stop = gr.Button("Stop serving", size="md", variant="stop", visible=False, elem_id="serve-stop")
    said = piece(elem_id="serve-said", elem_classes="ls-slot")
    program = gr.Radio(
        list(PROGRAMS),
        value=PYTHON,
        label="By",
        show_label=False,
        container=False,
        visible=False,
        elem_classes="ls-segments",
        elem_id="serve-by",
    )
    code = gr.Code(language="python", label="Program", interactive=False, visible=False, elem_id="serve-program")
    with gr.Column(elem_id="served"):
        piece(parts.title("Served now"))
        listed = piece(script=serve_html.STOPPING, elem_id="served-list")
    timer = gr.Timer(_REFRESH_SECONDS, active=False)

    box = ServeBox(studio)
    show: dict[str, Any] = {
        "fn": guarded(box.show),
        "inputs": [run, ready, program, zone],
        "outputs": [state, timer, serve, stop, vote, program, code, listed],
        **AT_ONCE,
    }
    gr.on([tab.select, ready.change, program.change, timer.tick], **show)
    serve.click(guarded(box.serve), [run, vote], said, **QUIET).then(**show)
    stop.click(guarded(box.stop), run, said, **QUIET).then(**show)
    listed.click(guarded(box.stop_listed), None, said, **QUIET).then(**show)
