"""The presets: cards that fill in a few numbers. The browser does it by itself, so that a choice holds at once."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

import gradio as gr

from app.ui.components import AT_ONCE
from app.ui.tune.recipe_fields import PRESETS

NUMBERS = tuple(PRESETS["Recommended"])
"""Keys of the fields that a preset fills in."""
_AS_SHOWN = {name: [str(preset[key]) for key in NUMBERS] for name, preset in PRESETS.items()}
_FILL = f"""(name, ...numbers) => ({json.dumps(_AS_SHOWN)})[name] ?? numbers"""
"""JavaScript (preset, values of `NUMBERS`) → the preset's."""
_MATCH = f"""(...numbers) => Object.entries({json.dumps(_AS_SHOWN)})
    .find(([, preset]) => preset.every((one, at) => one === String(numbers[at]).trim()))?.[0] ?? null"""
"""JavaScript (values of `NUMBERS`) → the preset that has them, null where none has."""


def wire(preset: gr.Radio, form: dict[str, Any], fills: Iterable[Any]) -> Any:
    """Wires the cards; returns the event of a choice. fills: other events that change the form's numbers."""
    numbers = [form[key] for key in NUMBERS]
    changes = [number.change for number in numbers]
    for changed in (*changes, *(event.then for event in fills)):
        changed(None, numbers, preset, js=_MATCH, **AT_ONCE)
    return preset.input(None, [preset, *numbers], numbers, js=_FILL, **AT_ONCE)
