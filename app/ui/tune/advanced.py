"""The one section of the Tune page for everything that has a good default."""

from __future__ import annotations

from html import escape
from typing import Any, NamedTuple

import gradio as gr

from app.ui.components import piece
from app.ui.tune import recipe_fields
from app.ui.tune.form_components import fields

Form = dict[str, Any]
"""Field key → component, in page order."""
_COPY = """element.addEventListener('click', (event) => {
    if (event.target.closest('button')) lampCopy('#script pre', '#script button')
})"""


class Advanced(NamedTuple):
    """What the page wires of this part."""

    figure: gr.HTML
    """The method with the recipe's numbers."""
    keep: gr.Column
    """The place for app.ui.tune.own_presets and app.ui.tune.recipe_file."""
    note: gr.Textbox
    tags: gr.Textbox
    script: gr.HTML


def layout(form: Form) -> Advanced:
    """Lays this part out and adds its components to `form`."""
    with gr.Accordion("All settings", open=False, elem_id="advanced"):
        figure = None
        for group, heading in recipe_fields.GROUPS.items():
            piece(_group(heading))
            if group == "prompt":
                figure = piece(elem_id="figure")
            form |= fields(group)
            if group == "machine":
                form["gpus"] = gr.Dropdown(
                    [1],
                    value=1,
                    label="GPUs",
                    visible=False,
                    filterable=False,
                    elem_id="gpus",
                    info="That train together: each reads a batch of its own in every step.",
                )
        assert figure is not None
        piece(_group("Keep these settings"))
        with gr.Column() as keep:
            pass
        piece(_group("To find the run again"))
        with gr.Row(elem_classes="ls-fields"):
            tags = gr.Textbox(
                "",
                label="Tags",
                placeholder="first try, customer A",
                elem_id="tags",
                info="Words to find the run by, with commas between them.",
            )
            note = gr.Textbox(
                "", label="Note", elem_id="note", lines=2, placeholder="What you want to find out with this run"
            )
        piece(_group("The same from a script"))
        script = piece(elem_id="script", script=_COPY)
    return Advanced(figure, keep, note, tags, script)


def _group(heading: str) -> str:
    return f'<h3 class="ls-group">{escape(heading)}</h3>'
