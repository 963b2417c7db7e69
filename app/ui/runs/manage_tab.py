"""The lower half of the About tab: name, tags and note of a run, more steps, deleting it."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import gradio as gr

from app.studio import Studio
from app.ui import parts
from app.ui.components import AT_ONCE, QUIET, number_box, piece
from app.ui.guard import guarded, inform
from app.views import formatting
from lamp.errors import ConfigError


class RunEditor:
    """The handlers of the lower half of the About tab."""

    def __init__(self, studio: Studio) -> None:
        self._studio = studio

    def save(self, run: str, name: str, tags: str, note: str) -> None:
        """Stores name, tags and note."""
        if not name.strip():
            raise ConfigError(["Give the run a name."])
        self._studio.rename(run, name.strip())
        self._studio.annotate(run, note.strip(), formatting.parse_tags(tags))
        inform("Saved.")

    def extend(self, run: str, steps: str) -> str:
        """Queues a run that goes on from this one's end; returns the address of its page."""
        if not re.fullmatch(r"\s*0*[1-9]\d*\s*", steps or ""):
            raise ConfigError([f"The number of further steps must be a whole number from 1, not {steps!r}."])
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
        inform("Deleted. It can be brought back for a day.")
        return gr.Row(visible=False)


def build(studio: Studio, run: gr.State, show: Callable[..., Any]) -> tuple[Any, ...]:
    """Lays the parts out and wires them. show: ViewTable.add. Returns the events that change what the page shows."""
    with gr.Row(elem_classes="ls-details", elem_id="run-manage"):
        with gr.Column(min_width=280):
            piece(parts.title("Name, tags and note"))
            name = show(gr.Textbox("", label="Name", max_length=120, elem_id="run-name"), lambda view: view.name)
            info = "Words to find the run by, with commas between them."
            tags = show(gr.Textbox("", label="Tags", elem_id="run-tags", info=info), lambda view: ", ".join(view.tags))
            note = show(gr.Textbox("", label="Note", lines=3, elem_id="run-note"), lambda view: view.note)
            save = gr.Button("Save", size="md", elem_id="save")
        with gr.Column(min_width=280):
            piece(
                parts.title(
                    "Train on",
                    "A run that is done goes on as a new one from where this one ended; this one stays as it is.",
                )
            )
            with gr.Row():
                steps = number_box(100, label="Further steps", elem_id="more-steps")
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

    editor = RunEditor(studio)
    saved = save.click(guarded(editor.save), [run, name, tags, note], None, **QUIET)
    extend.click(guarded(editor.extend), [run, steps], address, **QUIET)
    begin.click(guarded(editor.begin), run, address, **QUIET)
    address.change(None, address, None, js="(to) => { if (to) location.assign(to) }")
    delete.click(lambda: gr.Row(visible=True), None, confirm, **AT_ONCE)
    no.click(lambda: gr.Row(visible=False), None, confirm, **AT_ONCE)
    deleted = yes.click(guarded(editor.delete), run, confirm, **QUIET)
    return saved, deleted
