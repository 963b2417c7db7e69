"""Saves the recipe in the form as a file, and fills the form from such a file."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import gradio as gr

from app.ui import parts
from app.ui.components import AT_ONCE, QUIET, piece
from app.ui.guard import guarded
from app.ui.tune.tune_form import TuneForm
from lamp.config import TuneConfig
from lamp.errors import ConfigError

_LARGEST = 200_000
"""Bytes of a file; a recipe has a few hundred."""
_NO_JSON = "It holds no JSON: choose a recipe.json, as an exported prompt has it."
_SAVE = """(recipe) => {
    if (!recipe) return
    const link = document.createElement('a')
    link.href = URL.createObjectURL(new Blob([recipe], {type: 'application/json'}))
    link.download = 'recipe.json'
    link.click()
    URL.revokeObjectURL(link.href)
}"""
"""JavaScript (JSON): hands it to the browser as a file."""


class RecipeFile:
    """The handlers of the two buttons."""

    def __init__(self, form: TuneForm) -> None:
        self._form = form

    def save(self, *form: Any) -> str:
        """The recipe in the form as JSON. form: the values as the browser sends them."""
        return json.dumps(self._form.recipe_file(form), indent=2, ensure_ascii=False) + "\n"

    def read(self, path: str | None) -> tuple[str, str]:
        """The recipe in a file as JSON, or "" and one sentence that says why it cannot be read."""
        if not path:
            return "", ""
        name = Path(path).name
        try:
            config = read_recipe(Path(path))
        except ConfigError as error:
            return "", parts.problems(error.problems, f"{name} was not opened.")
        said = parts.notice("Everything but the data set is as it says.", "good", f"{name} is opened.")
        return json.dumps(config.to_dict()), said

    def fill(self, recipe: str, *form: Any) -> list[Any]:
        """The form with a recipe that `read` gave; the data set stays. Then what is said, where it has other columns.

        form: the values as the browser sends them.
        """
        if not recipe:
            return [gr.skip()] * (len(form) + 1)
        components, other_columns = self._form.fill(_parsed(recipe), form)
        return [*components, parts.notice(other_columns, "warn", "Opened.") if other_columns else gr.skip()]


def read_recipe(path: Path) -> TuneConfig:
    """The recipe in a file. Raises ConfigError when there is none."""
    try:
        if path.stat().st_size > _LARGEST:
            raise ConfigError(["It is too large for a recipe: choose a recipe.json, as an exported prompt has it."])
        text = path.read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        raise ConfigError([_NO_JSON]) from error
    return _parsed(text)


def _parsed(text: object) -> TuneConfig:
    """The recipe in a text. Raises ConfigError when there is none."""
    try:
        values = json.loads(str(text))
    except (ValueError, RecursionError) as error:
        raise ConfigError([_NO_JSON]) from error
    return TuneConfig.from_dict(values)


def build(form: TuneForm, values: Sequence[Any]) -> Any:
    """Lays the buttons out and wires them; returns the event after which the form is filled.

    values: the form's components.
    """
    with gr.Row(elem_classes="ls-actions"):
        save = gr.Button("Save the recipe", size="md", elem_id="save-recipe")
        file = gr.UploadButton("Open a recipe", file_types=[".json"], size="md", elem_id="open-recipe")
    said = piece(elem_id="recipe-said", elem_classes="ls-slot")
    # Not gr.States: the browser makes a file of the one, and values that go as they are cannot come with the other.
    saved, opened = (gr.Textbox("", visible="hidden", label=f"{how} recipe") for how in ("Saved", "Opened"))
    files, components = RecipeFile(form), list(values)
    save.click(guarded(files.save), components, saved, preprocess=False, **AT_ONCE).then(
        None, saved, None, js=_SAVE, **AT_ONCE
    )
    return file.upload(guarded(files.read), file, [opened, said], **QUIET).then(
        guarded(files.fill), [opened, *components], [*components, said], preprocess=False, **QUIET
    )
