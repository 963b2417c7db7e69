"""A person's own presets: all settings but backbone, data and starting prompt, by names that the browser keeps."""

from __future__ import annotations

import json
from typing import Any

import gradio as gr

from app.ui.components import AT_ONCE, piece
from app.ui.tune.recipe_fields import FIELDS

_STORAGE_KEY = "lamp-studio-presets"
_OF_ONE_DATA_SET = ("data.template", "data.validation_data", "data.test_data", "lamp.initial_prompt")
KEPT = tuple(field.key for field in FIELDS if field.key not in _OF_ONE_DATA_SET)
"""Keys of the fields that a preset keeps."""

_READ = f"""const read = () => {{
    try {{ return JSON.parse(localStorage.getItem({json.dumps(_STORAGE_KEY)})) ?? {{}} }} catch {{ return {{}} }}
}};"""
_WRITE = f"const write = (presets) => localStorage.setItem({json.dumps(_STORAGE_KEY)}, JSON.stringify(presets));"
_LIST = f"""{_READ} {_WRITE}
const show = () => {{
    const list = element.querySelector('ul')
    if (!list) return
    list.replaceChildren(...Object.keys(read()).map((name) => {{
        const line = document.createElement('li')
        for (const [action, text, label] of [['use', name, ''], ['remove', '×', 'Remove the preset ' + name]]) {{
            const button = document.createElement('button')
            Object.assign(button, {{type: 'button', textContent: text}})
            button.dataset[action] = name
            if (label) button.setAttribute('aria-label', label)
            line.append(button)
        }}
        return line
    }}))
}}
element.addEventListener('click', (event) => {{
    const {{use, remove}} = event.target.closest('button')?.dataset ?? {{}}
    if (remove !== undefined) {{
        const {{[remove]: gone, ...others}} = read()
        write(others)
        show()
    }}
    if (use !== undefined) {{ window.lampPreset = read()[use] ?? {{}}; trigger('click') }}
}})
addEventListener('lamp-presets', show)
addEventListener('storage', show)
show()
"""
"""JavaScript of the list."""
_USE = f"""(...values) => {{
    const preset = window.lampPreset ?? {{}}, keys = {json.dumps(KEPT)}
    return values.map((value, at) => Object.hasOwn(preset, keys[at]) ? preset[keys[at]] : value)
}}"""
"""JavaScript (values of `KEPT`) → the same with those of the chosen preset."""
_KEEP = f"""(name, ...values) => {{
    {_READ} {_WRITE}
    name = name.trim()
    if (!name) return name
    const keys = {json.dumps(KEPT)}
    write({{...read(), [name]: Object.fromEntries(keys.map((key, at) => [key, values[at]]))}})
    dispatchEvent(new Event('lamp-presets'))
    return ''
}}"""
"""JavaScript (name, values of `KEPT`) → what stays in the box for the name."""


def layout_list() -> gr.HTML:
    """Lays the list of presets out; it is empty where the browser has none."""
    return piece('<ul class="ls-own" aria-label="Your presets"></ul>', elem_id="presets", script=_LIST)


def layout_name() -> tuple[gr.Textbox, gr.Button]:
    """Lays out the box for a name, and the button that keeps the settings under it."""
    with gr.Row(elem_classes="ls-hub"):
        name = gr.Textbox(
            "",
            label="Name of a preset",
            placeholder="Long and careful",
            info="These settings, without model and data, can be chosen again in this browser.",
            max_length=60,
            max_lines=1,
            elem_id="preset-name",
            scale=4,
        )
        keep = gr.Button("Keep as a preset", size="md", elem_id="keep-preset", scale=1, min_width=180)
    return name, keep


def wire(presets: gr.HTML, name: gr.Textbox, keep: gr.Button, form: dict[str, Any]) -> Any:
    """Wires the two; returns the event of a chosen preset. The server is not asked."""
    fields = [form[key] for key in KEPT]
    gr.on([keep.click, name.submit], None, [name, *fields], name, js=_KEEP, **AT_ONCE)
    return presets.click(None, fields, fields, js=_USE, **AT_ONCE)
