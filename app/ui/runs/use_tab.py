"""The tab "Use it": the prompt as a file, programs that answer with it, and the way to the Hub."""

from __future__ import annotations

import json
import zipfile
from html import escape
from typing import Any

import gradio as gr

from app.prompts.programs import COMMAND, PEFT, WAYS, program
from app.studio import Studio
from app.ui import parts
from app.ui.components import AT_ONCE, QUIET, piece, studio_address
from app.ui.guard import guarded
from app.ui.language import t
from app.ui.runs import answers, publish_box, serve_box, use_formats
from app.ui.translated_layout import html_in
from app.views import formatting

_FILE_NOTES = {
    "README.md": "the model card: what it is, its scores, how to load it",
    "adapter_config.json": "PEFT's description",
    "adapter_model.safetensors": "the virtual tokens, as PEFT loads them",
    "recipe.json": "how it was made",
    "lamp_factors.safetensors": "the trained factors",
    "lamp_config.json": "how the factors make the virtual tokens",
    "confusion.json": "which labels were answered with which",
    "scores.json": "how it did on the held-out rows",
}
_VOTER_NOTE = "the virtual tokens of a further prompt that votes"
_NOTHING = parts.empty(
    "Nothing to use yet",
    "The prompt can be downloaded as soon as the run has ended, also when you stop it early.",
)
_PACKING = f"(ready) => ready ? {json.dumps(answers.waiting_html('Packing the prompt'))} : {json.dumps(_NOTHING)}"


class UseTab:
    """The handlers of the tab."""

    def __init__(self, studio: Studio) -> None:
        self._studio = studio

    def prepare(self, run: str, ready: str) -> list[Any]:
        """Makes the zip when there is a prompt, so that one click downloads it. ready: the view's `prompt_version`."""
        if not ready:
            return [gr.HTML(html_in(_NOTHING, t), visible=True), gr.Column(visible=False), gr.skip(), gr.skip()]
        path = self._studio.export(run)
        with zipfile.ZipFile(path) as archive:
            files = [(info.filename, info.file_size) for info in archive.infolist() if not info.is_dir()]
        rows = "".join(
            f"<tr><th scope=row>{escape(name)}</th><td>{formatting.bytes_text(size)}</td>"
            f"<td>{escape(t(_FILE_NOTES.get(name, _VOTER_NOTE if name.startswith('voters/') else '')))}</td></tr>"
            for name, size in files
        )
        size = formatting.bytes_text(path.stat().st_size)
        return [
            gr.HTML(visible=False),
            gr.Column(visible=True),
            gr.DownloadButton(t(f"Download the prompt ({size})"), value=str(path)),
            f'<table class="ls-files"><tbody>{rows}</tbody></table>',
        ]

    def program(self, run: str, ready: str, way: str, request: gr.Request) -> Any:
        """The program for one of the ways to use the prompt."""
        if not ready:
            return gr.skip()
        use = self._studio.prompt_use(run, studio_address(request, "runs"))
        return gr.Code(program(use, way), language="shell" if way == COMMAND else "python")


def build(studio: Studio, run: gr.State, ready: gr.Textbox, zone: gr.Textbox, tab: gr.Tab) -> None:
    """Lays the tab out and wires it. zone: the name of the browser's time zone."""
    nothing = piece(_NOTHING, elem_id="not-exported")
    with gr.Column(visible=False) as with_prompt:
        piece(
            parts.title("Answer with it", "Each of these programs is whole: it prints the answer to a row of the data.")
        )
        way = gr.Radio(
            list(WAYS),
            value=PEFT,
            label="By",
            show_label=False,
            container=False,
            elem_classes="ls-segments",
            elem_id="way",
        )
        code = gr.Code(language="python", label="Program", interactive=False, elem_id="program")
        if studio.settings.serves:
            with gr.Column(elem_id="serving"):
                serve_box.build(studio, run, ready, zone, tab)
        with gr.Row(elem_classes="ls-details"):
            with gr.Column(min_width=280):
                piece(parts.title("Take it with you", "It loads with transformers and peft alone, without the studio."))
                download = gr.DownloadButton("Download the prompt", variant="primary", elem_id="download")
                files = piece(elem_id="export-files")
            with gr.Column(min_width=280, elem_id="publish-box"):
                publish_box.build(studio, run, ready)
        with gr.Column(elem_id="formats"):
            use_formats.build(studio, run, ready)

    handlers = UseTab(studio)
    shown: dict[str, Any] = {"fn": guarded(handlers.program), "inputs": [run, ready, way], "outputs": code}
    way.change(**shown, **AT_ONCE)
    # Said at once by the browser: a large prompt takes a while to be packed.
    begun = ready.change(None, ready, nothing, js=_PACKING, **AT_ONCE)
    begun.then(**shown, **AT_ONCE)
    begun.then(guarded(handlers.prepare), [run, ready], [nothing, with_prompt, download, files], **QUIET)
