"""The part of the tab "Use it" that makes a model with the prompt in it, for other programs."""

from __future__ import annotations

from html import escape
from typing import Any

import gradio as gr

from app.prompts.exports import ExportState
from app.studio import Studio
from app.ui import parts
from app.ui.components import AT_ONCE, QUIET, piece
from app.ui.guard import KNOWN, guarded
from app.ui.language import t
from app.views import formatting
from lamp.export.options import FORMATS

_REFRESH_SECONDS = 1.0
_NAMES = {
    "merged": "vLLM, TGI, transformers",
    "gguf": "llama.cpp, LM Studio, Jan",
    "ollama": "Ollama",
    "embeddings": "The vectors alone",
}
_TITLE = parts.title(
    "Run it in other programs",
    "The whole model with the prompt in it, made in the background. Answers to tested rows are compared with the "
    "studio's.",
)


class UseFormats:
    """The handlers of this part of the tab."""

    def __init__(self, studio: Studio) -> None:
        self._studio = studio

    def about(self, run: str, ready: str, format: str) -> str:
        """What a format is for, and how large it will be, as HTML."""
        if not ready:
            return ""
        size = self._studio.export_bytes(run, format)
        told = f"About {formatting.bytes_text(size)}" if size else "As large as the model"
        time = "at once" if format == "embeddings" else "takes about as long as loading the model three times"
        purpose = FORMATS[format]
        said = t(f"{purpose[:1].upper() + purpose[1:]}. {told}; {time}.")
        return f"<p>{escape(said)}</p>"

    def begin(self, run: str, format: str) -> str:
        """Begins to make it; "", or HTML that says why it cannot be made."""
        try:
            self._studio.begin_export(run, format)
        except KNOWN as error:
            return parts.problems([str(error)])
        return ""

    def show(self, run: str, ready: str, format: str) -> list[Any]:
        """Updates of the progress, the timer, the buttons to make and to cancel, and the download."""
        state = self._studio.export_state(run, format) if ready else None
        going = state is not None and bool(state.part)
        file = state.file if state else None
        size = f" ({formatting.bytes_text(file.stat().st_size)})" if file else ""
        return [
            export_html(state),
            gr.Timer(active=going),
            gr.Button(t("Make it again" if file else "Make it"), interactive=not going),
            gr.Button(visible=going),
            gr.DownloadButton(f"{t('Download')}{size}", value=str(file) if file else None, visible=file is not None),
        ]


def export_html(state: ExportState | None) -> str:
    """How far an export is, or what became of it; "" where there is none."""
    if state is None:
        return ""
    if state.part:
        bar = parts.bar(state.share, "Exporting", moving=not state.share)
        said = f'<div class="ls-line"><span role="status">{escape(t(f"{state.part} …"))}</span></div>'
        return f'<div class="ls-card ls-progress">{bar}{said}</div>'
    if state.problem:
        return parts.notice(state.problem, "bad", "Not exported.")
    doubtful = state.sentence.startswith("Not ") and state.format != "embeddings"
    return parts.notice(state.sentence, "calm" if doubtful else "good", "Exported.")


def build(studio: Studio, run: gr.State, ready: gr.Textbox) -> None:
    """Lays this part out and wires it."""
    piece(_TITLE)
    format = gr.Radio(
        [(name, format) for format, name in _NAMES.items()],
        value="gguf",
        label="For",
        show_label=False,
        container=False,
        elem_classes="ls-segments",
        elem_id="format",
    )
    about = piece(elem_id="format-about", min_height=24)
    with gr.Row(elem_classes="ls-actions"):
        make = gr.Button("Make it", size="md", elem_id="make-format")
        cancel = gr.Button("Cancel", size="md", visible=False, variant="stop", elem_id="cancel-format")
        download = gr.DownloadButton("Download", size="md", visible=False, elem_id="download-format")
    said = piece(elem_id="format-said", elem_classes="ls-slot")
    shown = piece(elem_id="format-progress")
    timer = gr.Timer(_REFRESH_SECONDS, active=False)

    formats = UseFormats(studio)
    show: dict[str, Any] = {
        "fn": guarded(formats.show),
        "inputs": [run, ready, format],
        "outputs": [shown, timer, make, cancel, download],
    }
    tell: dict[str, Any] = {"fn": guarded(formats.about), "inputs": [run, ready, format], "outputs": about}
    for changed in (ready, format):
        changed.change(lambda: "", None, said, **AT_ONCE).then(**tell, **QUIET).then(**show, **AT_ONCE)
    make.click(guarded(formats.begin), [run, format], said, **QUIET).then(**show, **AT_ONCE)
    cancel.click(guarded(studio.cancel_export), [run, format], None, **AT_ONCE).then(**show, **AT_ONCE)
    timer.tick(**show, **AT_ONCE)
