"""An input's answers with and without the trained prompt, as people compare them."""

from __future__ import annotations

from html import escape

from app.predictor import Answer
from app.ui import parts
from app.views import score_text


def shown(answer: Answer, expected: str = "", writing: bool = False) -> str:
    """Both answers, and for labels how sure each is. writing: whether they are still growing."""
    hint = ""
    if expected:
        right = "right" if answer.tuned.strip() == expected.strip() else "different"
        hint = (
            f'<p class="ls-expected">The data says <b>{escape(expected)}</b>: the tuned answer is '
            f'<b class="ls-{"better" if right == "right" else "worse"}">{right}</b>.</p>'
        )
    both = _one("Tuned prompt", answer.tuned, writing, "ls-tuned") + _one("Untrained model", answer.untrained, writing)
    read = parts.fold("What the model read", answer.text)
    role = "" if writing else ' role="status"'  # read aloud once, and not at every word
    return f'<div class="ls-result"{role}><div class="ls-answers">{both}</div>{hint}{_bars(answer)}{read}</div>'


def _one(heading: str, text: str, writing: bool, kind: str = "") -> str:
    said = escape(text) + '<i class="ls-caret"></i>' if writing else escape(text) or "(nothing)"
    return f'<section class="{kind}"><h3>{heading}</h3><p>{said}</p></section>'


def _bars(answer: Answer) -> str:
    if not answer.tuned_probabilities:
        return ""
    lines = "".join(
        f'<div class="ls-label"><span>{escape(label)}</span><div>'
        f"{_bar('tuned', tuned)}{_bar('untrained', untrained)}</div></div>"
        for label, tuned, untrained in score_text.probabilities(
            answer.tuned_probabilities, answer.untrained_probabilities
        )
    )
    key = parts.key("How sure each is", (("tuned", "tuned"), ("untrained", "untrained")))
    return f'<div class="ls-labels">{key}{lines}</div>'


def _bar(kind: str, share: float) -> str:
    return f'<i class="ls-prob ls-{kind}"><b style="width:{100 * share:.1f}%"></b><em>{100 * share:.1f} %</em></i>'
