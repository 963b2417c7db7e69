"""What a person's browser keeps of the Tune page: a draft of the form until its run is started, and the open step."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import parse_qsl

STORAGE_KEY = "lamp-studio-form"
"""The draft's key in the storage of the browser's tab: what is filled in in one tab is not in another."""
STEPS = ("backbone", "data", "recipe", "start")
"""The steps' names in addresses."""
TEXTS = ("name", "note", "tags")
"""Form fields beside the recipe."""
DEBOUNCE = 50
"""Milliseconds within which several changes of the form are answered together."""
FORM_OPENED = "(...values) => { window.lampForm = {filled: JSON.stringify(values)}; return Date.now() }"
"""JavaScript (*`TEXTS`, *values) → the time now. It records what the form was filled with: only a difference
from that is a change by a person."""
FORM_CHANGED = (
    "(last) => !window.lampForm ? last : new Promise((done) => setTimeout("
    f"() => done(Math.floor(Date.now() / {DEBOUNCE}) * {DEBOUNCE}), {DEBOUNCE}))"
)
"""JavaScript (time of the last check) → time of the next one: the same for all changes within `DEBOUNCE`."""
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


def keep_step(step: int) -> str:
    """JavaScript that writes the step which is shown into the address, once the form is filled in."""
    change = f"set('step', {json.dumps(STEPS[step])})" if step else "delete('step')"
    return f"""() => {{
        if (!window.lampForm) return
        const address = new URL(location)
        address.searchParams.{change}
        history.replaceState(history.state, '', address)
    }}"""


def step_of(query: Mapping[str, str]) -> int:
    """The number of the step that an address names, the first one if it names none."""
    return STEPS.index(query["step"]) if query.get("step") in STEPS else 0


def parse_draft(text: object) -> object:
    """What the browser has kept, from its JSON; None when it cannot be read."""
    try:
        return json.loads(str(text))
    except (ValueError, RecursionError):
        return None


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
