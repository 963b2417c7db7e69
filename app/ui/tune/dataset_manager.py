"""The part of the Tune page about the chosen data set: where it comes from, its name, deleting it."""

from __future__ import annotations

from html import escape
from typing import Any

import gradio as gr

from app.access.quotas import Used
from app.data.datasets import DatasetEntry
from app.studio import Studio
from app.ui import parts
from app.ui.components import AT_ONCE, QUIET, piece
from app.ui.guard import KNOWN, guarded
from app.ui.language import t
from app.ui.tune.tune_form import TuneForm
from app.views import formatting
from lamp.data.source import DataSource


class DatasetManager:
    """The handlers for the chosen data set."""

    def __init__(self, studio: Studio, form: TuneForm) -> None:
        self._studio, self._form = studio, form

    def show(self, dataset: str | None) -> list[Any]:
        """Where the data set comes from and how much room is left; its name and the way to delete it, unless it is a
        sample."""
        entry, stored = self._entry(dataset), self._studio.storage_used()
        is_upload = entry is not None and entry.is_upload
        return [
            (_origin(entry.source) if entry and entry.source else "") + (_room(stored) if stored else ""),
            gr.Accordion(visible=is_upload, open=False),
            entry.stem if entry else "",
            gr.Column(visible=False),
        ]

    def rename(self, dataset: str, name: str) -> list[Any]:
        """Gives the data set another name, or says why not."""
        try:
            entry = self._studio.rename_dataset(dataset, name)
        except KNOWN as error:
            return [gr.skip(), gr.skip(), parts.problems([str(error)])]
        renamed = parts.notice(f"The data set is called {entry.name} now.", "good", "Renamed.")
        return [self._form.list_datasets(dataset), entry.stem, renamed]

    def delete(self, dataset: str) -> list[Any]:
        """Deletes the data set and chooses the first sample, or says why not."""
        entry = self._entry(dataset)
        try:
            self._studio.delete_dataset(dataset)
        except KNOWN as error:
            return [*[gr.skip()] * 3, gr.Column(visible=False), parts.problems([str(error)])]
        name = entry.name if entry else t("The data set")
        first = self._studio.datasets()[0]
        gone = parts.notice(f"{name} is gone; {first.name} is chosen now.", "good", "Deleted.")
        return [*self._form.choose_dataset(first.reference), gr.Column(visible=False), gone]

    def _entry(self, dataset: str | None) -> DatasetEntry | None:
        """The data set, also one that can no longer be read."""
        return next((entry for entry in self._studio.datasets() if entry.reference == dataset), None)


def build(studio: Studio, form: TuneForm, fields: list[Any], message: gr.HTML) -> Any:
    """Lays the part out and wires it. Returns the event of a renaming.

    fields: the components for the data set and its columns; message: shows how it went.
    """
    origin = piece(elem_id="dataset-source", elem_classes="ls-remark")
    with gr.Accordion("Rename or delete this data set", open=False, visible=False, elem_id="dataset-more") as more:
        with gr.Row():
            name = gr.Textbox("", label="Name", max_length=120, max_lines=1, elem_id="dataset-name", scale=4)
            rename = gr.Button(
                "Rename", size="md", elem_id="dataset-rename", elem_classes="ls-low", scale=1, min_width=110
            )
        delete = gr.Button("Delete this data set", size="md", variant="stop", elem_id="dataset-delete")
        with gr.Column(visible=False, elem_classes="ls-confirm") as confirm:
            piece(
                parts.notice(
                    "Its file is removed and cannot be brought back. Runs that have ended keep their prompts, but "
                    "cannot go on.",
                    "warn",
                    "Delete it?",
                )
            )
            with gr.Row():
                yes = gr.Button("Yes, delete", size="md", variant="stop", elem_id="dataset-delete-yes")
                no = gr.Button("Keep it", size="md", elem_id="dataset-delete-no")
    manager, dataset = DatasetManager(studio, form), fields[0]
    dataset.change(guarded(manager.show), dataset, [origin, more, name, confirm], trigger_mode="always_last", **AT_ONCE)
    delete.click(lambda: gr.Column(visible=True), None, confirm, **AT_ONCE)
    no.click(lambda: gr.Column(visible=False), None, confirm, **AT_ONCE)
    yes.click(guarded(manager.delete), dataset, [*fields, confirm, message], **QUIET)
    return gr.on(
        [rename.click, name.submit], guarded(manager.rename), [dataset, name], [dataset, name, message], **QUIET
    )


def _room(stored: Used) -> str:
    used, most = formatting.bytes_text(stored.used), formatting.bytes_text(stored.most)
    return parts.small(f"Your data sets, prompts and exports take {used} of the {most} that you may have.")


def _origin(source: DataSource) -> str:
    address = f"https://huggingface.co/datasets/{source.id}/tree/{source.revision}"
    link = f'<a href="{escape(address)}" target="_blank" rel="noopener">{escape(source.id)}</a>'
    part = f"subset {source.subset}, split {source.split}, revision {source.revision[:10]}"
    said = t(f"From the Hub: {link}, {escape(part)}.")
    return f'<p class="ls-small">{said}</p>'
