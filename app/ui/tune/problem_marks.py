"""Problems of the form, shown at the fields that they belong to, and the links that lead there."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping
from html import escape

from app.ui.language import t
from app.ui.tune.form_components import element_id
from app.views.plan import Plan

_SECTION_OF = {"backbone": "model", "dataset": "data"}
"""Section that a field is in, by its key; all others are in the last one, but for the columns."""
_COLUMNS = ("data.input_columns", "data.target_column")
_SECTIONS = ("data", "task", "model", "training")

_FRAMED = "input:not([type=radio]), textarea, select, .wrap:has(> .wrap-inner), label.selected"
"""What has a border in a field: a box, a list to choose from, a card."""
_WRONG = "content: '!' !important; background: var(--ls-bad) !important; color: var(--ls-card);"
_DONE = "content: '✓' !important; background: var(--ls-good-wash) !important; color: var(--ls-good);"


def marks(plan: Plan) -> str:
    """A style sheet that frames every field with a problem, writes the sentence below it, and marks in the list of
    sections what is done and what is not; and the same for studio.js, which tells it to screen readers.

    A style sheet, because it also holds for fields that the browser has not put on the page yet.
    """
    at = defaultdict(list)
    for problem, key in plan.fields.items():
        if key:
            at[f"#{element_id(key)}"].append(problem)
    told = {field: " ".join(map(t, problems)) for field, problems in at.items()}
    wrong = {_section(key) for key in plan.fields.values() if key}
    known = _SECTIONS if plan.preview and plan.preview.read else [name for name in _SECTIONS if name != "task"]
    rules = [_section_rule(section, section in wrong) for section in known]
    for field, problem in told.items():
        rules.append(f"{field}::after {{ content: {_css_string(problem)}; }}")
        rules.append(f"{field} :is({_FRAMED}) {{ border-color: var(--ls-bad) !important; }}")
    return f"<style>{' '.join(rules)}</style><i hidden data-problems='{escape(json.dumps(told))}'></i>"


def links(fields: Mapping[str, str]) -> dict[str, str]:
    """Problem → attributes of the link that leads to its field, for studio.js. fields: `Plan.fields`."""
    return {problem: f'href="#{element_id(key)}" data-goto' for problem, key in fields.items() if key}


def _section(key: str) -> str:
    if key in _COLUMNS:
        return "data"
    return _SECTION_OF.get(key.partition(".")[0], "training")


def _section_rule(section: str, is_wrong: bool) -> str:
    return f"#stepper [data-section={section}]::before {{ {_WRONG if is_wrong else _DONE} }}"


def _css_string(text: str) -> str:
    """A text as a string of CSS in which nothing ends the string, the rule or the element."""
    return '"' + "".join(char if char.isalnum() or char in " .,:-" else f"\\{ord(char):x} " for char in text) + '"'
