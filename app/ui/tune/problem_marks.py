"""Problems of the form, shown at the fields that they belong to, and the links that lead there."""

from __future__ import annotations

import json
from collections.abc import Mapping
from html import escape

from app.plan import Plan
from app.ui.tune.browser_storage import STEPS
from app.ui.tune.form_components import element_id

_STEP_OF = {"backbone": 0, "dataset": 1, "data": 1}
"""Number of the step that a field is on, by the part of its key before the point; all others are on the third."""

_FRAMED = "input:not([type=radio]), textarea, .wrap:has(> .wrap-inner), label.selected"
"""What has a border in a field: a box, a list to choose from, a card."""
_TAB = "content: '!' !important; background: var(--ls-bad) !important; color: var(--ls-card) !important;"


def marks(plan: Plan) -> str:
    """A style sheet that frames every field with a problem, writes the sentence below it and marks its step; and the
    same for studio.js, which tells it to screen readers.

    A style sheet, because it also holds for steps that the browser has not put on the page yet.
    """
    rules, told = [], {}
    for problem, key in plan.fields.items():
        if key:
            field = f"#{element_id(key)}"
            told[field] = problem
            rules.append(f"{field}::after {{ content: {_css_string(problem)}; }}")
            rules.append(f"{field} :is({_FRAMED}) {{ border-color: var(--ls-bad) !important; }}")
            tab = f"#stepper button[data-tab-id='{_step(key)}']::before"
            rules.append(f"{tab} {{ {_TAB} }}")
    if not rules:
        return ""
    return f"<style>{' '.join(rules)}</style><i hidden data-problems='{escape(json.dumps(told))}'></i>"


def links(fields: Mapping[str, str]) -> dict[str, str]:
    """Problem → attributes of the link that leads to its field, for studio.js. fields: `Plan.fields`."""
    return {problem: f'href="#{element_id(key)}" data-step="{_step(key)}"' for problem, key in fields.items() if key}


def _step(key: str) -> int:
    return _STEP_OF.get(key.partition(".")[0], STEPS.index("recipe"))


def _css_string(text: str) -> str:
    """A text as a string of CSS in which nothing ends the string, the rule or the element."""
    return '"' + "".join(char if char.isalnum() or char in " .,:-" else f"\\{ord(char):x} " for char in text) + '"'
