"""Which labels a prompt mistakes for which, as an HTML table."""

from __future__ import annotations

from html import escape

from app.ui import parts
from app.ui.language import t
from lamp.inference.confusion_matrix import ConfusionMatrix

_MOST_COLUMNS = 12
"""Labels whose answers each get a column; with more of them a sentence names the most frequent mistake instead."""


def confusion_table(matrix: ConfusionMatrix | None) -> str:
    """One line for each label: the answers to its held-out rows, precision, recall and F1. "" without a matrix."""
    if matrix is None:
        return ""
    wide = len(matrix.labels) > _MOST_COLUMNS
    answers = (
        f"<th scope=col>{t('Most often taken for')}</th>"
        if wide
        else "".join(f"<th scope=col>{escape(label)}</th>" for label in matrix.labels)
    )
    rows = []
    for number, score in enumerate(matrix.per_label()):
        middle = _most_frequent(matrix, number) if wide else _cells(matrix, number)
        rows.append(
            f"<tr><th scope=row>{escape(score.label)}</th>{middle}<td>{_rows(score.label, score.rows)}</td>"
            f"<td>{_percent(score.precision)}</td><td>{_percent(score.recall)}</td><td>{_percent(score.f1)}</td></tr>"
        )
    measures = "".join(
        f"<th scope=col>{name}</th>" for name in (t("Rows"), t("Precision", "score"), t("Recall"), t("F1"))
    )
    columns = "" if wide else ", a column the prompt's answer"
    below = f"A row is a label of the data{columns}; click on a number to see its rows."
    return (
        parts.title("Label by label", below) + '<div class="ls-table ls-confusion" tabindex="0"><table><thead><tr>'
        f"<th scope=col>{t('Label')}</th>{answers}{measures}"
        f"</tr></thead><tbody>{''.join(rows)}</tbody></table></div>"
    )


def _cells(matrix: ConfusionMatrix, number: int) -> str:
    counts, rows = matrix.counts[number], max(1, sum(matrix.counts[number]))
    return "".join(
        f'<td class="{"ls-right" if column == number else "ls-wrong"}" style="--share:{count / rows:.3f}"'
        f' title="{escape(t(f"{matrix.labels[number]} answered with {matrix.labels[column]}"))}">'
        f"{_button(matrix.labels[number], matrix.labels[column], count)}</td>"
        for column, count in enumerate(counts)
    )


def _button(label: str, answered: str, count: int) -> str:
    """A number that shows its rows when it is clicked."""
    if not count:
        return "·"
    return _link(label, answered, f"{count} of {label} answered with {answered}: show these rows", f"{count:,}")


def _rows(label: str, count: int) -> str:
    """The number of a label's rows, which shows them when it is clicked."""
    return _link(label, "", f"All {count} of {label}: show these rows", f"{count:,}") if count else "0"


def _link(label: str, answered: str, name: str, text: str) -> str:
    """A button that filters the rows. answered: "" for any answer; name: what it does, for screen readers."""
    return (
        f'<button type="button" data-expected="{escape(label)}" data-answered="{escape(answered)}" '
        f'aria-label="{escape(t(name))}">{escape(text)}</button>'
    )


def _most_frequent(matrix: ConfusionMatrix, number: int) -> str:
    wrong = [
        (count, label)
        for label, count in zip(matrix.labels, matrix.counts[number], strict=True)
        if count and label != matrix.labels[number]
    ]
    if not wrong:
        return "<td>–</td>"
    count, label = max(wrong, key=lambda pair: pair[0])
    name = f"{count} of {matrix.labels[number]} answered with {label}: show these rows"
    return f"<td>{_link(matrix.labels[number], label, name, f'{label} ({count:,})')}</td>"


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %"
