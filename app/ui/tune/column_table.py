"""The first rows of the chosen data set; each column's heading says, and changes, what the column is for."""

from __future__ import annotations

from html import escape

from app.ui import parts
from app.ui.language import t
from app.views import formatting
from app.views.plan import Preview
from lamp.config import DataConfig

_ROLES = ("reads", "answers", "ignored")
SCRIPT = """
const selects = () => [...element.querySelectorAll('select[data-column]')]
element.addEventListener('change', (event) => {
    const changed = event.target.closest('select[data-column]')
    if (!changed) return
    if (changed.value === 'answers') {
        selects().forEach((other) => { if (other !== changed && other.value === 'answers') other.value = 'ignored' })
    }
    trigger('input')
})
watch('value', () => selects().forEach((select) => { select.value = select.dataset.role }))
"""
"""JavaScript of the table: a change in a heading is an event; one column at most answers."""
CHOSEN = """(inputs) => {
    const columns = (role) => [...document.querySelectorAll('#preview select[data-column]')]
        .filter((select) => select.value === role).map((select) => select.dataset.column)
    const read = columns('reads'), before = (inputs ?? []).filter((column) => read.includes(column))
    return [[...before, ...read.filter((column) => !before.includes(column))], columns('answers')[0] ?? null]
}"""
"""JavaScript (input columns) → [input columns, target column] as the headings say; the order stays."""


def table(preview: Preview, data: DataConfig) -> str:
    """The table as HTML."""
    reasons = {role.column: role.reason for role in preview.column_roles if role.role == "ignored"}
    kinds = {column: _role(column, data) for column in preview.columns}
    head = "".join(
        _heading(column, kinds[column], reasons.get(column, "") if kinds[column] == "ignored" else "")
        for column in preview.columns
    )
    body = "".join(
        "<tr>"
        + "".join(
            f'<td class="ls-col-{kinds[column]}"><div>{escape(row[column])}</div></td>' for column in preview.columns
        )
        + "</tr>"
        for row in preview.rows
    )
    shown = f"The first {len(preview.rows)} of {formatting.rows(preview.row_count)} of {preview.dataset_name}."
    hint = "Say above each column whether the model reads it, answers with it, or never sees it."
    notes = "".join(parts.small(note) for note in preview.notes)
    return (
        f'<p class="ls-small"><strong>{escape(t(shown))}</strong> {t(hint)}</p>{notes}'
        f'<div class="ls-table ls-columns" tabindex="0" role="group" aria-label="{t("First rows")}">'
        f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>"
    )


def _role(column: str, data: DataConfig) -> str:
    if column == data.target_column:
        return "answers"
    return "reads" if column in data.input_columns else "ignored"


def _heading(column: str, role: str, reason: str) -> str:
    """A heading with the choice of the role; reason: why it is better ignored, going on from the column's name."""
    options = "".join(f'<option value="{one}"{" selected" if one == role else ""}>{t(one)}</option>' for one in _ROLES)
    name = escape(column)
    label = t(f"What {name} is for")
    why = f"<small>{escape(t(reason))}</small>" if reason else ""
    return (
        f'<th class="ls-col-{role}" scope="col"><span>{name}</span>'
        f'<select data-column="{name}" data-role="{role}" aria-label="{label}">{options}</select>{why}</th>'
    )
