"""HTML of the rows that a prompt was scored on: what was expected, what was answered, and how sure the model was."""

from __future__ import annotations

import re
from collections.abc import Sequence
from difflib import SequenceMatcher
from html import escape

from app.ui import parts
from app.ui.language import t
from lamp.inference.answers import RowAnswer

_LONGEST_INPUT = 280
"""Characters of an input that are shown before it is unfolded."""
_MOST_WORDS = 400
"""Words up to which two texts are compared: the time grows with the square of their number."""
_WORD = re.compile(r"\s*\S+")

CHOOSE = """element.addEventListener('click', (event) => {
    const cell = event.target.closest('[data-expected]')
    if (cell) trigger('click', {expected: cell.dataset.expected, answered: cell.dataset.answered})
})"""
"""JavaScript of the confusion matrix: a click on a number is an event with the two labels."""


def answer_list(answers: Sequence[RowAnswer], total: int) -> str:
    """The rows as a list. total: how many there are with this choice, of which `answers` are the first."""
    if not answers:
        return parts.empty("No such row", "Choose other labels, another filter, or clear the search.")
    count = f"{total:,} row{'' if total == 1 else 's'}"
    shown = t(count if total == len(answers) else f"The first {len(answers):,} of {count}")
    items = "".join(f"<li>{_item(answer)}</li>" for answer in answers)
    return f'<p class="ls-small" role="status">{shown}</p><ol class="ls-tested">{items}</ol>'


def _item(answer: RowAnswer) -> str:
    right = answer.score == 1
    answers = _texts(answer) if answer.confidence is None else _labels(answer, answer.confidence, right)
    untrained = escape(answer.untrained_answer) or _empty()
    return (
        f'<div class="ls-row-number">{t(f"Row {answer.row + 1:,}")}</div>{_input(answer.input)}{answers}'
        f'<div class="ls-untrained"><span>{t("Untrained model")}</span> {untrained}</div>'
    )


def _empty() -> str:
    return f"<i>{t('empty')}</i>"


def _input(text: str) -> str:
    """The input, folded where it is long."""
    if len(text) <= _LONGEST_INPUT:
        return f'<p class="ls-tested-input">{escape(text)}</p>'
    begin = escape(text[:_LONGEST_INPUT])
    more = t(f"Show all {len(text):,} characters")
    return f'<details class="ls-tested-input"><summary>{begin}… <span>{more}</span></summary>{escape(text)}</details>'


def _labels(answer: RowAnswer, confidence: float, right: bool) -> str:
    mark, kind = ("✓", "good") if right else ("✗", "bad")
    expected = "" if right else f"<div><span>{t('Expected')}</span> <b>{escape(answer.expected)}</b></div>"
    word = t("Right" if right else "Wrong")
    return (
        f'<div class="ls-verdicts">{expected}<div><span>{t("Answered")}</span> '
        f'<b class="ls-{kind}-text"><span aria-label="{word}">{mark}</span> {escape(answer.answer)}</b> '
        f"<em>{t(f'{100 * confidence:.0f} % sure')}</em></div></div>"
    )


def _texts(answer: RowAnswer) -> str:
    """Reference and answer side by side, with the words that differ marked."""
    expected, given = _marked(answer.expected, answer.answer)
    return (
        f'<div class="ls-verdicts ls-two-texts"><div><span>{t("Expected")}</span><p>{expected}</p></div>'
        f"<div><span>{t('Answered')}, ROUGE-L {100 * answer.score:.0f} %</span><p>{given or _empty()}</p></div></div>"
    )


def _marked(expected: str, given: str) -> tuple[str, str]:
    """Both texts as HTML, in which the words that the other one lacks are marked."""
    left, right = _WORD.findall(expected), _WORD.findall(given)
    if len(left) > _MOST_WORDS or len(right) > _MOST_WORDS:
        return escape(expected), escape(given)
    matcher = SequenceMatcher(None, [word.strip() for word in left], [word.strip() for word in right], autojunk=False)
    out_left, out_right = [], []
    for kind, i1, i2, j1, j2 in matcher.get_opcodes():
        one, other = escape("".join(left[i1:i2])), escape("".join(right[j1:j2]))
        out_left.append(one if kind == "equal" or not one else f"<del>{one}</del>")
        out_right.append(other if kind == "equal" or not other else f"<ins>{other}</ins>")
    return "".join(out_left), "".join(out_right)
