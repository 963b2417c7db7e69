"""The draft of the Tune page's form, which a person's browser keeps until its run is started."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import parse_qsl

import gradio as gr

STORAGE_KEY = "lamp-studio-form"
"""The draft's key in the browser's local storage."""
TEXTS = ("name", "note", "tags")
"""Form fields beside the recipe."""
DEBOUNCE = 50
"""Milliseconds within which several changes of the form are answered together."""
FORM_OPENED = "(...values) => { window.lampForm = {filled: JSON.stringify(values)}; return Date.now() }"
"""JavaScript (*`TEXTS`, *values) → the time now. It records what the form was filled with: only a change from that is a
person's."""
FORM_CHANGED = (
    "(last) => !window.lampForm ? last : new Promise((done) => setTimeout("
    f"() => done(Math.floor(Date.now() / {DEBOUNCE}) * {DEBOUNCE}), {DEBOUNCE}))"
)
"""JavaScript (time of the last look) → time of the next one: the same for all changes within `DEBOUNCE`."""
DROP_DRAFT = f"window.lampForm = null; localStorage.removeItem({json.dumps(STORAGE_KEY)})"
"""JavaScript that deletes the draft and saves no other."""
START_OVER = f"() => {{ {DROP_DRAFT}; location.reload() }}"
"""JavaScript that deletes the draft and shows the form as it is without one."""


def browser_state() -> gr.BrowserState:
    """The component that holds the draft.

    Its secret protects nothing: a fixed one lets a studio that was restarted read the draft of before.
    """
    return gr.BrowserState(None, storage_key=STORAGE_KEY, secret=STORAGE_KEY)


def save_draft(keys: Sequence[str]) -> str:
    """JavaScript (draft, *`TEXTS`, *values of `keys`) → the new draft, once a person has changed the form.

    The server is not asked.
    """
    return f"""(draft, ...values) => {{
        const form = window.lampForm
        if (!form || !(form.changed ||= JSON.stringify(values) !== form.filled)) return draft
        const names = {json.dumps([*TEXTS, *keys])}
        return {{search: location.search, values: Object.fromEntries(names.map((name, at) => [name, values[at]]))}}
    }}"""


def source_run(query: Mapping[str, str]) -> tuple[str, str]:
    """The run that an address fills the form from: ("from", id), ("start", id) with its prompt as well, or ("", "")."""
    return next(((way, query[way]) for way in ("start", "from") if query.get(way)), ("", ""))


def draft_for(draft: object, query: Mapping[str, str]) -> dict[str, Any] | None:
    """The values of the draft if it belongs to this address, else None. Client data: validate every value."""
    if not isinstance(draft, dict) or not isinstance(search := draft.get("search"), str):
        return None
    address = source_run(dict(parse_qsl(search.removeprefix("?"))))
    values = draft.get("values")
    return values if address == source_run(query) and isinstance(values, dict) else None
