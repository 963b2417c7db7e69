"""A Space of the Hub that answers with one prompt: a small page, which needs transformers and no studio."""

from __future__ import annotations

import json
from collections.abc import Mapping
from importlib.metadata import version

from app.hub.errors import HubError
from app.use_code import PromptUse, answering_function
from lamp.hub.catalog import is_hub_id

ADAPTER = "adapter_model.safetensors"
"""What of a prompt's folder the page needs, in its folder "prompt"."""


def check_space(backbone: str) -> None:
    """Raises HubError where a Space could not load the backbone."""
    if not is_hub_id(backbone):
        raise HubError(
            f"A Space loads its model from the Hub, and {backbone[:200]!r} is a folder of this machine: publish the "
            "prompt itself, or train it on the same model by its Hub id."
        )


def space_files(use: PromptUse, licence: Mapping[str, str]) -> dict[str, bytes]:
    """Path → content of everything but the prompt. No row of anybody's data is among it.

    licence: keys of its card.
    """
    # Without what names the build of this machine, such as "+cpu", which the package index does not have.
    needed = ("torch", "transformers", "safetensors")
    pins = "".join(f"{name}=={version(name).partition('+')[0]}\n" for name in needed)
    return {
        "README.md": _card(use, licence).encode(),
        "requirements.txt": pins.encode(),
        "app.py": _page(use).encode(),
    }


def _card(use: PromptUse, licence: Mapping[str, str]) -> str:
    facts = {
        "title": use.name,
        "emoji": "💡",
        "sdk": "gradio",
        "sdk_version": version("gradio"),
        "app_file": "app.py",
        "pinned": False,
        **licence,
        "models": [use.backbone],
        "tags": ["lamp", "soft-prompt"],
    }
    # JSON is YAML: a name may hold any character.
    front = "".join(f"{name}: {json.dumps(value, ensure_ascii=False)}\n" for name, value in facts.items())
    return (
        f"---\n{front}---\n\n{use.backbone} with a soft prompt that was tuned with LAMP Studio.\n\n"
        "If access to the model must be asked for, give this Space a secret HF_TOKEN that may read it.\n"
    )


def _page(use: PromptUse) -> str:
    columns = json.dumps(list(use.row), ensure_ascii=False)
    output = 'gr.Label(label="Answer")' if use.kind.labels else 'gr.Textbox(label="Answer")'
    about = f"{use.backbone} with a soft prompt that was tuned with LAMP Studio."
    return _PAGE.format(
        function=answering_function(use),
        columns=columns,
        output=output,
        title=json.dumps(use.name, ensure_ascii=False),
        about=json.dumps(about, ensure_ascii=False),
    )


_PAGE = '''"""Answers with a soft prompt. Made by LAMP Studio."""

import gradio as gr
{function}

columns = {columns}


def answer_cells(*cells):
    if not any(cell and cell.strip() for cell in cells):
        raise gr.Error("Write something to answer first.")
    try:
        return answer({{column: cell or "" for column, cell in zip(columns, cells)}})
    except ValueError as error:
        raise gr.Error(str(error))


page = gr.Interface(
    answer_cells,
    [gr.Textbox(label=column, lines=3) for column in columns],
    {output},
    title={title},
    description={about},
    submit_btn="Answer",
    flagging_mode="never",
    api_name="answer",
)
if __name__ == "__main__":
    page.launch()
'''
