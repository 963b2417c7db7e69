"""The recipe's fields as form components, made from what app.ui.tune.form_values says of each."""

from __future__ import annotations

from typing import Any

import gradio as gr

from app.ui.tune import recipe_fields


def fields(section: str, basic: bool = False) -> dict[str, Any]:
    """Lays out one section's fields two in a row, three when there are just three; field key → component."""
    made: dict[str, Any] = {}
    wanted = [field for field in recipe_fields.FIELDS if field.key.startswith(section) and field.basic == basic]
    for text in [field for field in wanted if field.kind == "text"]:
        made[text.key] = gr.Textbox(str(text.default), label=text.label, info=text.help, lines=2, elem_id=_id(text.key))
    short = [field for field in wanted if field.kind != "text"]
    width = 3 if len(short) == 3 else 2
    for at in range(0, len(short), width):
        with gr.Row(elem_classes="ls-fields"):
            for field in short[at : at + width]:
                made[field.key] = _component(field)
    return made


def _component(field: recipe_fields.Field) -> Any:
    if field.kind == "choice":
        return gr.Dropdown(
            list(field.choices),
            value=field.default,
            label=field.label,
            info=field.help,
            elem_id=_id(field.key),
            filterable=False,
        )
    if field.kind == "run":
        return gr.Dropdown([], label=field.label, info=field.help, elem_id=_id(field.key))
    if field.kind == "switch":
        return gr.Checkbox(field.default, label=field.label, info=field.help, elem_id=_id(field.key))
    # No bounds here: a number out of range is one sentence beside Start, together with every other problem.
    return gr.Number(
        field.default,
        label=field.label,
        info=field.help,
        elem_id=_id(field.key),
        step=1 if field.kind == "whole" else 0.001,
    )


def _id(key: str) -> str:
    return "field-" + key.replace(".", "-").replace("_", "-")
