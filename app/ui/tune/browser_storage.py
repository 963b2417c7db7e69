"""What a person's browser keeps of the Tune page: a draft of the form until its run is started."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import parse_qsl

STORAGE_KEY = "lamp-studio-form"
"""The draft's key in the storage of the browser's tab: what is filled in in one tab is not in another."""
TEXTS = ("name", "note", "tags")
"""Form fields beside the recipe."""
DEBOUNCE = 50
"""Milliseconds within which several changes of the form are answered together."""
FORM_OPENED = "(...values) => { window.lampForm = {filled: JSON.stringify(values)} }"
"""JavaScript (*`TEXTS`, *values) that records what the form was filled with: only a difference from that is a change
by a person."""
FORM_CHANGED = (
    "(last) => !window.lampForm ? last : new Promise((done) => setTimeout("
    f"() => done(Math.floor(Date.now() / {DEBOUNCE}) * {DEBOUNCE}), {DEBOUNCE}))"
)
"""JavaScript (time of the last check) → time of the next one: the same for all changes within `DEBOUNCE`."""
COLUMNS_NOT_YET = "() => [null, null]"
"""JavaScript → columns of a data set that was chosen just now, until the server has said which are best."""
SAMPLE_CHOSEN = "(sample) => [sample, null, null]"
"""JavaScript (sample) → data set and its columns."""
DROP_DRAFT = f"window.lampForm = null; sessionStorage.removeItem({json.dumps(STORAGE_KEY)})"
"""JavaScript that deletes the draft and saves no other."""
START_OVER = f"() => {{ {DROP_DRAFT}; location.reload() }}"
"""JavaScript that deletes the draft and shows the form as it is without one."""
READ_DRAFT = f"() => sessionStorage.getItem({json.dumps(STORAGE_KEY)}) ?? ''"
"""JavaScript → the draft as JSON, "" when there is none."""


def save_draft(keys: Sequence[str]) -> str:
    """JavaScript (*`TEXTS`, *values of `keys`) that keeps them as the draft, once a person has changed the form.

    The server is not asked.
    """
    return f"""(...values) => {{
        const form = window.lampForm
        if (!form || !(form.changed ||= JSON.stringify(values) !== form.filled)) return
        const names = {json.dumps([*TEXTS, *keys])}
        const named = Object.fromEntries(names.map((name, at) => [name, values[at]]))
        sessionStorage.setItem({json.dumps(STORAGE_KEY)}, JSON.stringify({{search: location.search, values: named}}))
    }}"""


def parse_draft(text: object) -> object:
    """What the browser has kept, from its JSON; None when it cannot be read."""
    try:
        return json.loads(str(text))
    except (ValueError, RecursionError):
        return None


def source_run(query: Mapping[str, str]) -> tuple[str, str]:
    """What an address fills the form from: a run ("from", id), with its prompt as well ("start", id), the recipe of a
    prompt on the Hub ("recipe", id), or nothing ("", "")."""
    return next(((way, query[way]) for way in ("start", "from", "recipe") if query.get(way)), ("", ""))


def draft_for(draft: object, query: Mapping[str, str]) -> dict[str, Any] | None:
    """The values of the draft if it belongs to this address, else None. Client data: validate every value."""
    if not isinstance(draft, dict) or not isinstance(search := draft.get("search"), str):
        return None
    address = source_run(dict(parse_qsl(search.removeprefix("?"))))
    values = draft.get("values")
    return values if address == source_run(query) and isinstance(values, dict) else None
