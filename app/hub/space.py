"""A Space of the Hub that answers with prompts of one model: a small page that needs transformers but no studio."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from importlib.metadata import version

from app.hub.errors import HubError
from app.prompts.prompt_use import PromptUse
from app.prompts.python_code import answering_functions
from lamp.hub.catalog import is_hub_id

ADAPTER = "adapter_model.safetensors"
"""The file of a prompt that the page needs, in one of `folders`."""


def check_space(backbone: str) -> None:
    """Raises HubError if a Space could not load the backbone."""
    if not is_hub_id(backbone):
        raise HubError(
            f"A Space loads its model from the Hub, and {backbone[:200]!r} is a folder of this machine: publish the "
            "prompt itself, or train it on the same model by its Hub id."
        )


def folders(count: int) -> list[str]:
    """Returns the folders for so many prompts of a page."""
    return ["prompt", *(f"prompt-{number}" for number in range(2, count + 1))]


def space_files(uses: Sequence[PromptUse], licence: Mapping[str, str]) -> dict[str, bytes]:
    """Returns the content of each file except the prompts, by path. No row of anybody's data is among it.

    uses: the prompts, all of one backbone; the page is named after the first. licence: keys of its card.
    """
    # Without what names the build of this machine, such as "+cpu", which the package index does not have.
    needed = ("torch", "transformers", "safetensors")
    pins = "".join(f"{name}=={version(name).partition('+')[0]}\n" for name in needed)
    return {
        "README.md": _card(uses[0], licence).encode(),
        "requirements.txt": pins.encode(),
        "app.py": _page(uses).encode(),
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


def _page(uses: Sequence[PromptUse]) -> str:
    about = f"{uses[0].backbone} with a soft prompt that was tuned with LAMP Studio."
    pages = "".join(
        _PART.format(
            number=number,
            title=_literal(use.name),
            columns=_literal(list(use.row)),
            output="gr.Label" if use.kind.labels else "gr.Textbox",
            name="answer" if number == 1 else f"answer_{number}",
        )
        for number, use in enumerate(uses, start=1)
    )
    names = _literal([f"{number}. {use.name}" for number, use in enumerate(uses, start=1)])
    show = "pages[0]" if len(uses) == 1 else f"gr.TabbedInterface(pages, {names})"
    functions = answering_functions(uses, folders(len(uses)))
    return _PAGE.format(functions=functions, about=_literal(about), pages=pages, show=show)


def _literal(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)


_PART = "    page_of({title}, prompt_{number}(), {columns}, {output}, {name!r}),\n"
_PAGE = '''"""Answers with soft prompts. Made by LAMP Studio."""

import threading

import gradio as gr
{functions}
about = {about}
one_at_a_time = threading.Lock()  # the prompts share the model and its settings


def page_of(title, answer, columns, output, name):
    def answer_cells(*cells):
        if not any(cell and cell.strip() for cell in cells):
            raise gr.Error("Write something to answer first.")
        try:
            with one_at_a_time:
                return answer({{column: cell or "" for column, cell in zip(columns, cells)}})
        except ValueError as error:
            raise gr.Error(str(error))

    return gr.Interface(
        answer_cells,
        [gr.Textbox(label=column, lines=3) for column in columns],
        output(label="Answer"),
        title=title,
        description=about,
        submit_btn="Answer",
        flagging_mode="never",
        api_name=name,
    )


pages = [
{pages}]
page = {show}
if __name__ == "__main__":
    page.launch()
'''
