"""What a person writes about a run and does with it: name, tags, note, more steps, delete."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import gradio as gr

from app.studio import Studio
from app.ui import parts
from app.ui.components import AT_ONCE, QUIET, piece
from app.ui.guard import sentences
from app.views import formatting
from lamp.errors import ConfigError


@dataclass(frozen=True)
class Managed:
    """What the rest of the page fills in and listens to."""

    name: gr.Textbox
    tags: gr.Textbox
    note: gr.Textbox
    changes: tuple[Any, ...]
    """Events after which the page is to be refreshed."""


class Handlers:
    """What the lower half of the Details tab does."""

    def __init__(self, studio: Studio) -> None:
        self._studio = studio

    def save(self, run: str, name: str, tags: str, note: str) -> None:
        """Keeps name, tags and note."""
        if not name.strip():
            raise ConfigError(["Give the run a name."])
        self._studio.rename(run, name.strip())
        self._studio.annotate(run, note.strip(), formatting.parse_tags(tags))
        gr.Info("Saved.")

    def extend(self, run: str, steps: float | None) -> str:
        """Trains on; returns the new run's address."""
        if steps is None or steps < 1 or not float(steps).is_integer():
            raise ConfigError([f"The number of further steps must be a whole number from 1, not {steps}."])
        return "runs?run=" + self._studio.extend(run, self._studio.job(run).steps + int(steps))

    def begin(self, run: str) -> str:
        """The address of a form that is filled in to start from this run's prompt."""
        job = self._studio.job(run)
        if not job.artifact:
            raise ConfigError([f"The run {job.name!r} has no prompt yet: wait until it has ended, or stop it."])
        return f"./?start={job.id}"

    def delete(self, run: str) -> Any:
        """Deletes the run; it can be brought back for a day."""
        self._studio.delete(run)
        gr.Info("Deleted. It can be brought back for a day.")
        return gr.Row(visible=False)


def build(studio: Studio, run: gr.State) -> Managed:
    """Lays the parts out and wires them."""
    with gr.Row(elem_classes="ls-details"):
        with gr.Column(min_width=280):
            piece(parts.title("Name, tags and note"))
            name = gr.Textbox("", label="Name", max_length=120, elem_id="run-name")
            tags = gr.Textbox(
                "", label="Tags", elem_id="run-tags", info="Words to find the run by, with commas between them."
            )
            note = gr.Textbox("", label="Note", lines=3, elem_id="run-note")
            save = gr.Button("Save", size="md", elem_id="save")
        with gr.Column(min_width=280):
            piece(
                parts.title(
                    "Train on",
                    "A run that is done goes on as a new one from where this one ended; this one stays as it is.",
                )
            )
            with gr.Row():
                steps = gr.Number(100, label="Further steps", step=1, elem_id="more-steps")
                extend = gr.Button("Train on", size="md", elem_id="extend", elem_classes="ls-low")
            piece(parts.small("Or teach what it has learned something else: other data, another recipe."))
            begin = gr.Button("Start a run from this prompt", size="md", elem_id="begin")
            piece(parts.title("Delete", "The run goes with its prompt, its curves and its log."))
            delete = gr.Button("Delete this run", size="md", variant="stop", elem_id="delete")
            with gr.Row(visible=False, elem_classes="ls-confirm") as confirm:
                piece(
                    parts.notice(
                        "It can be brought back for a day; after that its files are gone.", "warn", "Delete it?"
                    )
                )
                yes = gr.Button("Yes, delete", size="md", variant="stop", elem_id="delete-yes")
                no = gr.Button("Keep it", size="md", elem_id="delete-no")
    address = gr.Textbox(visible="hidden", label="Where to go on")

    does = Handlers(studio)
    saved = save.click(sentences(does.save), [run, name, tags, note], None, **QUIET)
    extend.click(sentences(does.extend), [run, steps], address, **QUIET)
    begin.click(sentences(does.begin), run, address, **QUIET)
    address.change(None, address, None, js="(to) => { if (to) location.assign(to) }")
    delete.click(lambda: gr.Row(visible=True), None, confirm, **AT_ONCE)
    no.click(lambda: gr.Row(visible=False), None, confirm, **AT_ONCE)
    gone = yes.click(sentences(does.delete), run, confirm, **QUIET)
    return Managed(name, tags, note, (saved, gone))
