"""The answers to one input with and without the trained prompt, as HTML."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from app.answering.answer import Answer
from app.ui import parts
from app.ui.language import t
from app.views import score_text


def answer_html(answer: Answer, expected: str = "", writing: bool = False) -> str:
    """Both answers, and for labels the probability of each.

    expected: the right answer, if it is known; writing: whether the answers are still being written.
    """
    hint = ""
    if expected:
        right = answer.tuned.strip() == expected.strip()
        word = t("right" if right else "different")
        told = f'<b class="ls-{"better" if right else "worse"}">{word}</b>'
        hint = (
            f'<p class="ls-expected">{t(f"The data says <b>{escape(expected)}</b>: the tuned answer is {told}.")}</p>'
        )
    cut = ""
    if answer.cut_to is not None:
        sentence = f"It is too long: only {answer.cut_to:,} tokens of it were read, and its end was cut."
        cut = parts.notice(sentence, "warn")
    both = _section(t("Tuned prompt"), answer.tuned, writing, "ls-tuned")
    both += _section(t("Untrained model"), answer.untrained, writing)
    read = parts.fold("What the model read", answer.text)
    role = "" if writing else ' role="status"'  # screen readers read it once, not at every word
    below = f"{hint}{_probabilities(answer)}{read}"
    return f'<div class="ls-result"{role}>{cut}<div class="ls-answers">{both}</div>{below}</div>'


def beside_html(others: Sequence[tuple[str, Answer | str]]) -> str:
    """What other runs answer to the same input: (the run's name, its answer or why there is none) of each."""
    sections = "".join(
        f"<section><h3>{escape(name)}</h3>"
        + (
            f"<p>{escape(found.tuned) or t('(nothing)')}</p>{_sure(found)}"
            if isinstance(found, Answer)
            else parts.small(found)
        )
        + "</section>"
        for name, found in others
    )
    return (
        f'<h3 class="ls-beside-title">{t("Other runs")}</h3><div class="ls-answers">{sections}</div>' if others else ""
    )


def _sure(answer: Answer) -> str:
    share = max(answer.tuned_probabilities.values(), default=None)
    return "" if share is None else parts.small(f"{100 * share:.1f} % sure")


def waiting_html(stage: str) -> str:
    """A moving bar while the answers are being made. stage: what is done now, in a few words."""
    return (
        f'<div class="ls-card ls-progress">{parts.bar(0, "Answering", moving=True)}'
        f'<div class="ls-line"><span role="status">{escape(t(f"{stage} …"))}</span></div></div>'
    )


def loading_html(stage: str) -> str:
    """A line while the backbone is loaded. stage: what is done now, in a few words."""
    return f'<p class="ls-small" role="status">{escape(t(f"{stage} … you can write meanwhile."))}</p>'


def _section(heading: str, text: str, writing: bool, css_class: str = "") -> str:
    body = escape(text) + '<i class="ls-caret"></i>' if writing else escape(text) or t("(nothing)")
    return f'<section class="{css_class}"><h3>{heading}</h3><p>{body}</p></section>'


def _probabilities(answer: Answer) -> str:
    if not answer.tuned_probabilities:
        return ""
    lines = "".join(
        f'<div class="ls-label"><span>{escape(label)}</span><div>'
        f"{_bar('tuned', tuned)}{_bar('untrained', untrained)}</div></div>"
        for label, tuned, untrained in score_text.likeliest_labels(
            answer.tuned_probabilities, answer.untrained_probabilities
        )
    )
    key = parts.key("How sure each is", (("tuned", "tuned"), ("untrained", "untrained")))
    return f'<div class="ls-labels">{key}{lines}</div>'


def _bar(kind: str, share: float) -> str:
    return f'<i class="ls-prob ls-{kind}"><b style="width:{100 * share:.1f}%"></b><em>{100 * share:.1f} %</em></i>'
