"""Makes form components of the recipe's fields (app.ui.tune.recipe_fields)."""

from __future__ import annotations

from typing import Any

import gradio as gr

from app.ui.components import number_box
from app.ui.tune import recipe_fields

_IDS = {"dataset": "dataset", "data.input_columns": "preview", "data.target_column": "preview", "gpus": "gpus"} | {
    "backbone": "backbone",
    "backbone.other": "other-backbone",
}
"""Ids of the fields that are laid out by hand; columns are chosen in the table."""


def fields(group: str) -> dict[str, Any]:
    """Lays out one group's fields, two in a row, texts in a row of their own; field key → component."""
    components: dict[str, Any] = {}
    of_group = [field for field in recipe_fields.FIELDS if field.group == group]
    short = [field for field in of_group if field.kind != "text"]
    for start in range(0, len(short), 2):
        with gr.Row(elem_classes="ls-fields"):
            for field in short[start : start + 2]:
                components[field.key] = _component(field)
    for field in of_group:
        if field.kind == "text":
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
