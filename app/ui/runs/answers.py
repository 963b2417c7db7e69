"""The answers to one input with and without the trained prompt, as HTML."""

from __future__ import annotations

from html import escape

from app.predictor import Answer
from app.ui import parts
from app.views import score_text


def answer_html(answer: Answer, expected: str = "", writing: bool = False) -> str:
    """Both answers, and for labels the probability of each.

    expected: the right answer, if it is known; writing: whether the answers are still being written.
    """
    hint = ""
    if expected:
        right = "right" if answer.tuned.strip() == expected.strip() else "different"
        hint = (
            f'<p class="ls-expected">The data says <b>{escape(expected)}</b>: the tuned answer is '
            f'<b class="ls-{"better" if right == "right" else "worse"}">{right}</b>.</p>'
        )
    both = _section("Tuned prompt", answer.tuned, writing, "ls-tuned")
    both += _section("Untrained model", answer.untrained, writing)
    read = parts.fold("What the model read", answer.text)
    role = "" if writing else ' role="status"'  # screen readers read it once, not at every word
    return (
        f'<div class="ls-result"{role}><div class="ls-answers">{both}</div>{hint}{_probabilities(answer)}{read}</div>'
    )


def _section(heading: str, text: str, writing: bool, css_class: str = "") -> str:
    body = escape(text) + '<i class="ls-caret"></i>' if writing else escape(text) or "(nothing)"
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
