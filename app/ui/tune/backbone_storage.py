"""The part of the Tune page that downloads a backbone and shows those on this machine."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

import gradio as gr

from app.hub.downloads import Download, DownloadState
from app.studio import Studio
from app.ui import parts
from app.ui.components import AT_ONCE, BROWSER_ZONE, QUIET, piece
from app.ui.guard import guarded, inform, told
from app.ui.language import t
from app.ui.tune import backbone_text
from app.views import formatting
from app.views.local_time import zone_of
from lamp.errors import LampError

_REMOVE = """element.addEventListener('click', (event) => {
    const model = event.target.closest('[data-remove]')?.dataset.remove
    if (model) trigger('click', {model})
})"""
"""JavaScript of the list: a click on Remove is an event with the backbone's Hub id."""


class BackboneStorage:
    """The handlers of downloads and of the list of backbones on this machine."""

    def __init__(self, studio: Studio) -> None:
        self._studio = studio

    def show(self, choice: str, other: str) -> list[Any]:
        """How far the download of the chosen backbone is, the buttons for it, the timer, and the backbone if it has
        been downloaded for a page."""
        reference = _reference(choice, other)
        download = self._studio.models.download_of(reference)
        running = download is not None and download.state is DownloadState.RUNNING
        missing = None if running else self._studio.models.missing(reference)
        text = "Go on with the download" if missing and missing.here else "Download now"
        return [
            backbone_text.download(download, missing),
            gr.Button(t(text), visible=missing is not None),
            gr.Button(visible=running),
            gr.Timer(active=running),
            reference if download and download.state is DownloadState.DONE and missing is None else "",
        ]

    def start_download(self, choice: str, other: str) -> list[Any]:
        """Starts the download of the chosen backbone."""
        reference = _reference(choice, other)
        try:
            self._studio.models.download(reference)
        except LampError as error:
            failed = Download(reference, DownloadState.FAILED, error=str(error))
            return [backbone_text.download(failed, None), *[gr.skip()] * 4]
        return self.show(choice, other)

    def cancel(self, choice: str, other: str) -> None:
        """Ends the download of the chosen backbone; the timer sees its end."""
        self._studio.models.cancel_download(_reference(choice, other))

    def stored(self, zone: str) -> str:
        """The backbones on this machine. zone: the name of the browser's time zone."""
        return backbone_text.stored(self._studio.models.stored(), datetime.now(zone_of(zone)))

    def ask(self, event: gr.EventData) -> list[Any]:
        """Asks before a backbone is removed."""
        reference = str(told(event, "model"))
        text = f"{reference} can be downloaded again. Prompts that were trained on it stay, but need it to answer."
        return [gr.Column(visible=True), parts.notice(text, "warn", "Remove it?"), reference]

    def remove(self, reference: str, zone: str) -> list[Any]:
        """Removes a backbone; the list without it."""
        size = self._studio.models.remove(reference)
        inform(f"{reference} is removed: {formatting.bytes_text(size)} are free again.")
        return [self.stored(zone), gr.Column(visible=False)]


def _reference(choice: object, other: object) -> str:
    """The chosen backbone. choice, other: the form's values as the browser sends them."""
    return str(choice or other or "")


def build(
    studio: Studio,
    choice: gr.Radio,
    other: gr.Textbox,
    looks: Sequence[Any],
    cards: Callable[[], list[tuple[str, str]]],
) -> list[Any]:
    """Lays the parts out and wires them; returns the events after which the form is to be looked at again: a backbone
    is here, or no longer here, or the page is seen again where what a person has used counts.

    choice, other: the form's fields of the backbone; looks: the events of a finished check of the form; cards: what
    `choice` offers now.
    """
    handlers = BackboneStorage(studio)
    state = piece(elem_id="download-state", elem_classes="ls-download")
    with gr.Row(elem_classes="ls-walk"):
        start = gr.Button("Download now", size="md", visible=False, elem_id="download", elem_classes="ls-back")
        cancel = gr.Button("Cancel", size="md", visible=False, elem_id="download-cancel", elem_classes="ls-back")
    with gr.Accordion("Models on this machine", open=False, elem_id="stored") as accordion:
        stored = piece(elem_id="stored-list", script=_REMOVE)
        with gr.Column(visible=False) as confirm:
            question = piece()
            with gr.Row(elem_classes="ls-walk"):
                yes = gr.Button("Yes, remove", size="md", variant="stop", elem_id="remove-yes", elem_classes="ls-back")
                no = gr.Button("Keep it", size="md", elem_id="remove-no", elem_classes="ls-back")
    timer = gr.Timer(1.0, active=False)
    # Pressed by studio.js when the tab is hidden and shown again.
    sleep = gr.Button("Sleep", visible="hidden", elem_id="ls-sleep")
    wake = gr.Button("Wake", visible="hidden", elem_id="ls-wake")
    arrived = gr.Textbox("", visible="hidden", label="Downloaded model")
    removing = gr.Textbox("", visible="hidden", label="Model to remove")
    zone = gr.Textbox("", visible="hidden", label="Time zone of the browser")

    fields, shown = [choice, other], [state, start, cancel, timer, arrived]
    # preprocess=False: Gradio would refuse a backbone that is not among the choices it knows of.
    for looked in looks:
        looked.then(guarded(handlers.show), fields, shown, preprocess=False, **QUIET)
    gr.on([timer.tick, wake.click], guarded(handlers.show), fields, shown, preprocess=False, **AT_ONCE)
    sleep.click(lambda: gr.Timer(active=False), None, timer, **AT_ONCE)
    start.click(guarded(handlers.start_download), fields, shown, preprocess=False, **QUIET)
    cancel.click(guarded(handlers.cancel), fields, None, preprocess=False, **AT_ONCE)
    accordion.expand(None, None, zone, js=BROWSER_ZONE).then(guarded(handlers.stored), zone, stored, **QUIET)
    stored.click(guarded(handlers.ask), None, [confirm, question, removing], **AT_ONCE)
    no.click(lambda: gr.Column(visible=False), None, confirm, **AT_ONCE)

    def offer() -> Any:
        return gr.Radio(choices=cards())

    here = arrived.change(guarded(handlers.stored), zone, stored, **QUIET).then(offer, None, choice, **QUIET)
    gone = yes.click(guarded(handlers.remove), [removing, zone], [stored, confirm], **QUIET).success(
        offer, None, choice, **QUIET
    )
    if studio.settings.quotas.any:  # what is used of them changes elsewhere
        return [here, gone, wake.click(None, None, None, **AT_ONCE)]
    return [here, gone]
