"""The Tune page's form in a person's browser: when it has changed, and what is kept of it until a run is started."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import parse_qsl

import gradio as gr

KEY = "lamp-studio-form"
"""Of the browser's storage."""
WORDS = ("name", "note", "tags")
"""What is kept beside the recipe."""
TOGETHER = 50
"""Milliseconds within which changes of the form are looked at together."""
OPENED = "(...values) => { window.lampForm = {filled: JSON.stringify(values)}; return Date.now() }"
"""JavaScript (*`WORDS`, *values) for when the form has been filled → this moment; no change before is a person's."""
CHANGED = (
    "(last) => !window.lampForm ? last : new Promise((done) => setTimeout("
    f"() => done(Math.floor(Date.now() / {TOGETHER}) * {TOGETHER}), {TOGETHER}))"
)
"""JavaScript (last moment) → the moment to look at the form after a change: one for all changes just before it."""
FORGET = f"window.lampForm = null; localStorage.removeItem({json.dumps(KEY)})"
"""JavaScript that drops what is kept, and keeps nothing more."""
START_OVER = f"() => {{ {FORGET}; location.reload() }}"
"""JavaScript that shows the form as if nobody had filled it."""


def browser_state() -> gr.BrowserState:
    """Where it is kept. The secret is none: it only lets a studio that was started again read what is there."""
    return gr.BrowserState(None, storage_key=KEY, secret=KEY)


def remember(keys: Sequence[str]) -> str:
    """JavaScript (what is kept, *`WORDS`, *values of `keys`) → what is kept from now on; the server is not asked."""
    return f"""(kept, ...values) => {{
        const form = window.lampForm
        if (!form || !(form.changed ||= JSON.stringify(values) !== form.filled)) return kept
        const names = {json.dumps([*WORDS, *keys])}
        return {{search: location.search, values: Object.fromEntries(names.map((name, at) => [name, values[at]]))}}
    }}"""


def asked(query: Mapping[str, str]) -> tuple[str, str]:
    """How an address fills the form from a run, and the run's id: "from", or "start" with its prompt as well, or ""."""
    return next(((way, query[way]) for way in ("start", "from") if query.get(way)), ("", ""))


def left(kept: object, query: Mapping[str, str]) -> dict[str, Any] | None:
    """What was filled in at this address, if that is what is kept. It comes from a browser: nothing in it is sure."""
    if not isinstance(kept, dict) or not isinstance(search := kept.get("search"), str):
        return None
    there = asked(dict(parse_qsl(search.removeprefix("?"))))
    values = kept.get("values")
    return values if there == asked(query) and isinstance(values, dict) else None
