"""Makes form components of the recipe's fields (app.ui.tune.recipe_fields)."""

from __future__ import annotations

from typing import Any

import gradio as gr

from app.ui.components import number_box
from app.ui.tune import recipe_fields

_IDS = {"dataset": "dataset", "data.input_columns": "inputs", "data.target_column": "target", "gpus": "gpus"} | {
    "backbone": "backbone",
    "backbone.other": "other-backbone",
}
"""Ids of the fields that are laid out by hand."""


def fields(section: str, basic: bool = False) -> dict[str, Any]:
    """Lays out one section's fields two in a row, three when there are just three; field key → component.

    section: beginning of the keys, such as "lamp."; basic: the fields that are shown at once, or all others.
    """
    components: dict[str, Any] = {}
    section_fields = [field for field in recipe_fields.FIELDS if field.key.startswith(section) and field.basic == basic]
    for field in section_fields:
        if field.kind == "text":
            components[field.key] = _component(field)
    short = [field for field in section_fields if field.kind != "text"]
    width = 3 if len(short) == 3 else 2
    for start in range(0, len(short), width):
        with gr.Row(elem_classes="ls-fields"):
            for field in short[start : start + width]:
                components[field.key] = _component(field)
    return components


def _component(field: recipe_fields.Field) -> Any:
    if field.kind == "text":
        return gr.Textbox(
            str(field.default), label=field.label, info=field.help, lines=2, elem_id=element_id(field.key)
        )
    if field.kind in {"choice", "rate"}:
        any_number = field.kind == "rate"
        return gr.Dropdown(
            list(field.choices),
            value=field.default,
            label=field.label,
            info=field.help,
            elem_id=element_id(field.key),
            filterable=any_number,
            allow_custom_value=any_number,
        )
    if field.kind == "dataset":
        return gr.Dropdown(
            [("A share of the rows", "")], value="", label=field.label, info=field.help, elem_id=element_id(field.key)
        )
    if field.kind == "run":
        return gr.Dropdown([], label=field.label, info=field.help, elem_id=element_id(field.key))
    if field.kind == "switch":
        return gr.Checkbox(field.default, label=field.label, info=field.help, elem_id=element_id(field.key))
    # No bounds here: a number out of range is listed beside Start, together with every other problem.
    return number_box(field.default, label=field.label, info=field.help, elem_id=element_id(field.key))


def element_id(key: str) -> str:
    """The id of a field's element, by the key of the form or of `Plan.fields`."""
    return _IDS.get(key) or "field-" + key.replace(".", "-").replace("_", "-")
