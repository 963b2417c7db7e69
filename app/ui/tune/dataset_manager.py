"""The part of the Tune page about the chosen data set: where it comes from."""

from __future__ import annotations

from html import escape

import gradio as gr

from app.studio import Studio
from app.ui.components import QUIET, piece
from app.ui.guard import KNOWN, guarded
from lamp.data.source import DataSource


class DatasetManager:
    """The handlers for the chosen data set."""

    def __init__(self, studio: Studio) -> None:
        self._studio = studio

    def show(self, dataset: str | None) -> str:
        """Where the data set comes from, when it comes from the Hub."""
        try:
            source = self._studio.dataset(dataset or "").source
        except KNOWN:
            return ""
        return _origin(source) if source else ""


def build(studio: Studio, dataset: gr.Dropdown) -> None:
    """Lays the part out and wires it. dataset: the choice of the data set."""
    origin = piece(elem_id="dataset-source", elem_classes="ls-remark")
    manager = DatasetManager(studio)
    dataset.change(guarded(manager.show), dataset, origin, trigger_mode="always_last", **QUIET)


def _origin(source: DataSource) -> str:
    address = f"https://huggingface.co/datasets/{source.id}/tree/{source.revision}"
    link = f'<a href="{escape(address)}" target="_blank" rel="noopener">{escape(source.id)}</a>'
    part = f"subset {source.subset}, split {source.split}, revision {source.revision[:10]}"
    return f'<p class="ls-small">From the Hub: {link}, {escape(part)}.</p>'
