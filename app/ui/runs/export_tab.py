"""The Export tab: the prompt as a file, the lines that load it, and the way to the Hub."""

from __future__ import annotations

import json
import zipfile
from html import escape
from typing import Any

import gradio as gr

from app.studio import Studio
from app.ui import parts
from app.ui.components import piece, stage_reporter
from app.ui.guard import KNOWN, guarded
from app.views import formatting

_FILE_NOTES = {
    "README.md": "the model card: what it is, its scores, how to load it",
    "adapter_config.json": "PEFT's description",
    "adapter_model.safetensors": "the virtual tokens, as PEFT loads them",
    "recipe.json": "how it was made",
    "lamp_factors.safetensors": "the trained factors",
    "lamp_config.json": "how the factors make the virtual tokens",
    "scores.json": "how it did on the held-out rows",
}
_CODE = """from peft import PeftModel
from transformers import {kind}, AutoTokenizer

tokenizer = AutoTokenizer.from_pretrained("{backbone}")
model = {kind}.from_pretrained("{backbone}")
model = PeftModel.from_pretrained(model, "folder-of-the-unpacked-zip")
"""


class ExportTab:
    """The handlers of the Export tab."""

    def __init__(self, studio: Studio) -> None:
        self._studio = studio

    def prepare(self, run: str, ready: str) -> list[Any]:
        """Makes the zip when there is a prompt, so that one click downloads it. ready: the view's `prompt_version`."""
        if not ready:
            return [gr.Column(visible=True), gr.Column(visible=False), gr.skip(), gr.skip(), gr.skip()]
        backbone = self._studio.run(run).config.backbone
        path = self._studio.export(run)
        with zipfile.ZipFile(path) as archive:
            files = [(info.filename, info.file_size) for info in archive.infolist()]
            adapter = json.loads(archive.read("adapter_config.json"))
            lamp = json.loads(archive.read("lamp_config.json"))
        rows = "".join(
            f"<tr><th scope=row>{escape(name)}</th><td>{formatting.bytes_text(size)}</td>"
            f"<td>{escape(_FILE_NOTES.get(name, ''))}</td></tr>"
            for name, size in files
        )
        of_task = "AutoModelForSeq2SeqLM" if adapter["task_type"] == "SEQ_2_SEQ_LM" else "AutoModelForCausalLM"
        kind = lamp.get("auto_class", of_task)  # prompts of earlier versions do not name it
        return [
            gr.Column(visible=False),
            gr.Column(visible=True),
            gr.DownloadButton(f"Download the prompt ({formatting.bytes_text(path.stat().st_size)})", value=str(path)),
            f'<table class="ls-files"><tbody>{rows}</tbody></table>',
            _CODE.format(kind=kind, backbone=backbone),
        ]

    def publish(
        self,
        run: str,
        repository: str,
        token: str,
        private: bool,
        progress: gr.Progress = gr.Progress(),  # noqa: B008  # how Gradio hands in its progress bar
    ) -> tuple[str, str]:
        """Puts the prompt on the Hub. Returns HTML with the result, and an empty text for the token's field."""
        if not repository.strip() or not token.strip():
            return parts.problems(["Give the repository's name and a token that may write to it."]), ""
        try:
            url = self._studio.publish(run, repository, token, private, stage_reporter(progress)).url
        except KNOWN as error:
            return parts.problems([str(error)]), ""
        return (
            f'<div class="ls-notice ls-good" role="status"><strong>Published.</strong> '
            f'<a href="{escape(url)}" target="_blank" rel="noopener">{escape(url)}</a></div>'
        ), ""


def build(studio: Studio, run: gr.State, ready: gr.Textbox) -> None:
    """Lays out the tab and wires it."""
    with gr.Column() as without_prompt:
        piece(
            parts.empty(
                "Nothing to export yet",
                "The prompt can be downloaded as soon as the run has ended, also when you stop it early.",
            )
        )
    with gr.Column(visible=False) as with_prompt, gr.Row(elem_classes="ls-details"):
        with gr.Column(min_width=280):
            piece(parts.title("Take it with you", "It loads with transformers and peft alone, without the studio."))
            download = gr.DownloadButton("Download the prompt", variant="primary", elem_id="download")
            files = piece(elem_id="export-files")
            code = gr.Code(language="python", label="Load it", interactive=False)
        with gr.Column(min_width=280):
            piece(parts.title("Publish to the Hugging Face Hub", "The token is used for this upload and kept nowhere."))
            repository = gr.Textbox("", label="Repository", placeholder="your-name/your-prompt", elem_id="repository")
            token = gr.Textbox(
                "",
                label="Token",
                type="password",
                placeholder="hf_…",
                elem_id="token",
                info="One that may write: huggingface.co/settings/tokens",
            )
            private = gr.Checkbox(True, label="Private: only you can see it")
            publish = gr.Button("Publish", size="md", elem_id="publish")
            published = piece(elem_id="published", min_height=40)

    tab = ExportTab(studio)
    ready.change(
        guarded(tab.prepare),
        [run, ready],
        [without_prompt, with_prompt, download, files, code],
        api_visibility="private",
        show_progress="hidden",
        concurrency_limit=None,
    )
    publish.click(
        guarded(tab.publish),
        [run, repository, token, private],
        [published, token],
        api_visibility="private",
        show_progress_on=published,
        concurrency_limit=4,
    )
