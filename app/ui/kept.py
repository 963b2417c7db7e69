"""The Tune page's form as a person left it: kept in their own browser, until a run is started from it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import gradio as gr

KEY = "lamp-studio-form"
"""Of the browser's storage."""
WORDS = ("name", "note", "tags")
"""What is kept beside the recipe."""
OPENED = "() => { window.lampFormOpened = true }"
"""JavaScript for when the form has been filled: what the page says before that is not the person's."""
FORGET = f"localStorage.removeItem({json.dumps(KEY)})"
"""JavaScript that drops what is kept."""
START_OVER = f"() => {{ {FORGET}; location.reload() }}"
"""JavaScript that shows the form as if nobody had filled it."""


def browser_state() -> gr.BrowserState:
    """Where it is kept. The secret is none: it only lets a studio that was started again read what is there."""
    return gr.BrowserState(None, storage_key=KEY, secret=KEY)


def remember(keys: Sequence[str]) -> str:
    """JavaScript (what is kept, *`WORDS`, *values of `keys`) → what is kept from now on; the server is not asked."""
    return (
        "(kept, ...values) => { if (!window.lampFormOpened) return kept;"
        " const query = new URLSearchParams(location.search);"
        ' const asked = ["start", "from"].filter((name) => query.get(name))[0];'
        f" const names = {json.dumps([*WORDS, *keys])};"
        ' return {asked: asked ? asked + "=" + query.get(asked) : "",'
        " values: Object.fromEntries(names.map((name, at) => [name, values[at]]))} }"
    )


def asked(query: Mapping[str, str]) -> str:
    """Which run an address fills the form from, and how: "from=ID", "start=ID" for its prompt as well, or ""."""
    return next((f"{name}={query[name]}" for name in ("start", "from") if query.get(name)), "")


def left(kept: object, address: str) -> dict[str, Any] | None:
    """What was filled in at this address, if that is what is kept. It comes from a browser: nothing in it is sure."""
    if not isinstance(kept, dict) or kept.get("asked") != address:
        return None
    values = kept.get("values")
    return values if isinstance(values, dict) else None
