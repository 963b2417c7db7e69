"""The box of the Runs page that takes in a prompt which was made elsewhere."""

from __future__ import annotations

from html import escape
from pathlib import Path
from typing import Any

import gradio as gr

from app.studio import Studio
from app.studio_parts.imports import PromptSource
from app.ui import parts
from app.ui.components import piece, stage_reporter
from app.ui.guard import KNOWN, guarded
from lamp.export.imported import ImportDetails


class ImportBox:
    """The handler of the box."""

    def __init__(self, studio: Studio) -> None:
        self._studio = studio

    def take(
        self,
        changes: int,
        id: str,
        revision: str,
        token: str,
        file: str | None,
        name: str,
        backbone: str,
        template: str,
        labels: str,
        progress: gr.Progress = gr.Progress(),  # noqa: B008  # how Gradio hands in its progress bar
    ) -> tuple[str, Any, str]:
        """Imports a prompt. Returns HTML with a link to it or why it cannot be, the next number of changes to the list,
        and an empty text for the token's field. labels: one a line."""
        path = Path(file) if file else None
        source = PromptSource(path, path.name if path else "", id, revision, token)
        given = ImportDetails(backbone, template, tuple(line.strip() for line in labels.splitlines() if line.strip()))
        try:
            run = self._studio.import_prompt(source, given, name, on_progress=stage_reporter(progress))
        except KNOWN as error:
            return parts.problems([str(error)]), gr.skip(), ""
        shown = escape(self._studio.job(run).name)
        link = f'<a href="runs?run={escape(run)}">Open {shown}</a>'
        return f'<div class="ls-notice ls-good" role="status"><strong>Imported.</strong> {link}</div>', changes + 1, ""


def build(studio: Studio, changes: gr.Number) -> None:
    """Lays the box out and wires it. changes: the number of changes to the list of runs, which is shown anew then."""
    with gr.Accordion("Import a prompt", open=False, elem_id="import"):
        piece(
            parts.small(
                "A prompt of another studio, or a PEFT adapter of the kind PROMPT_TUNING: of the Hub, or as a zip. "
                "It is read, and nothing of it is run."
            )
        )
        with gr.Row(elem_classes="ls-details"):
            with gr.Column(min_width=280):
                id = gr.Textbox("", label="Hub id", placeholder="owner/prompt", elem_id="import-id")
                with gr.Row():
                    revision = gr.Textbox("main", label="Revision", elem_id="import-revision", min_width=120)
                    token = gr.Textbox(
                        "",
                        label="Token",
                        type="password",
                        placeholder="only for a private one",
                        elem_id="import-token",
                        min_width=120,
                    )
                file = gr.File(label="Or its zip", file_types=[".zip"], elem_id="import-zip", height=110)
            with gr.Column(min_width=280):
                backbone = gr.Textbox(
                    "",
                    label="Backbone",
                    placeholder="as its files say",
                    elem_id="import-backbone",
                    info="The model that it was tuned for, where its files do not name one of the Hub.",
                )
                template = gr.Textbox(
                    "",
                    label="Template",
                    placeholder="{text}",
                    lines=2,
                    elem_id="import-template",
                    info="How inputs are written, where it brings no recipe: {text} stands for the input.",
                )
                labels = gr.Textbox(
                    "",
                    label="Labels",
                    lines=2,
                    elem_id="import-labels",
                    info="One a line, where it brings no recipe and picks a label; empty where it writes texts.",
                )
                name = gr.Textbox("", label="Name here", max_length=120, elem_id="import-name")
        take = gr.Button("Import", size="md", variant="primary", elem_id="import-take")
        said = piece(elem_id="imported", min_height=40)
    take.click(
        guarded(ImportBox(studio).take),
        [changes, id, revision, token, file, name, backbone, template, labels],
        [said, changes, token],
        api_visibility="private",
        show_progress_on=said,
        concurrency_limit=2,
    )
