"""HTML of what can be seen in a trained prompt."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from app.answering.token_weights import TokenWeights
from app.ui import parts
from app.ui.language import t
from lamp.inference.inspection import InspectedToken, Inspection, Word

_FEW = 3
"""Words that a table names; more stand in the tooltip."""


def tokens(inspection: Inspection, weights: TokenWeights | None) -> str:
    """The words nearest to every virtual token, before training and after it, and what it adds where that is known."""
    farthest = max((token.moved for token in inspection.tokens), default=0.0) or 1.0
    known = any(token.before for token in inspection.tokens)
    lines = "".join(
        _token(number, token, farthest, weights, known=known) for number, token in enumerate(inspection.tokens, start=1)
    )
    adds = f"<th scope=col>{t('Adds')}</th>" if weights else ""
    before = f"<th scope=col>{t('Began near')}</th>" if known else ""
    moved = f"<th scope=col>{t('Moved, in its first length')}</th>" if known else ""
    return (
        parts.title(
            "The words nearest to every virtual token",
            "A virtual token is no word. These words point most nearly the same way; a similarity under about 30 % "
            "says that no word means what it has learned.",
        )
        + f'<div class="ls-table ls-inspected" tabindex="0"><table><thead><tr>'
        f"<th scope=col>{t('Token', 'of a prompt')}</th>{before}<th scope=col>{t('Is near now')}</th>{moved}{adds}"
        f"</tr></thead><tbody>{lines}</tbody></table></div>"
    )


def _token(number: int, token: InspectedToken, farthest: float, weights: TokenWeights | None, *, known: bool) -> str:
    before = f"<td>{_words(token.before)}</td>" if known else ""
    share = 100 * token.moved / farthest
    moved = f'<td><i class="ls-moved"><b style="width:{share:.0f}%"></b></i> {token.moved:.1f} ×</td>'
    cells = f"{before}<td>{_words(token.after)}</td>{moved if known else ''}{_adds(number, weights)}"
    return f"<tr><th scope=row>{number}</th>{cells}</tr>"


def _adds(number: int, weights: TokenWeights | None) -> str:
    """How much probability of the expected label a token adds, in points, or how much loss it saves."""
    if weights is None or number > len(weights.added):
        return ""
    added = weights.added[number - 1]
    said = f"{added:+.3f} of the loss" if weights.of_texts else f"{100 * added:+.1f} points"
    return f'<td class="{"ls-better" if added >= 0 else "ls-worse"}">{t(said.replace("-", "−"))}</td>'


def weighed(weights: TokenWeights | None) -> str:
    """How to read what the tokens add."""
    if weights is None:
        return parts.small(
            "Measure what every token adds: some tested rows are scored again, each time without one of the tokens."
        )
    idle = sum(abs(one) < 0.005 for one in weights.added)
    spare = f" {idle} of {len(weights.added)} add next to nothing: a shorter prompt may do." if idle else ""
    if weights.of_texts:
        return parts.small(
            f"On {weights.rows} tested rows the loss of the expected text is {weights.whole:.3f}. A token adds what "
            f"the loss grows by when the token is left out.{spare}"
        )
    return parts.small(
        f"On {weights.rows} tested rows the expected label has a probability of {100 * weights.whole:.0f} %. A token "
        f"adds what is lost of it when the token is left out.{spare}"
    )


def _words(words: Sequence[Word]) -> str:
    named = [(shown_word(word), f"{100 * similarity:.0f} %") for word, similarity in words]
    everything = ", ".join(" ".join(pair) for pair in named)
    few = " ".join(f"<span><b>{escape(word)}</b> <em>{similarity}</em></span>" for word, similarity in named[:_FEW])
    return f'<div class="ls-words" title="{escape(everything)}">{few}</div>'


def shown_word(word: str) -> str:
    """A token as it is shown: in quotes and with its codes where it cannot be seen."""
    plain = word.strip()
    return plain if plain and plain.isprintable() and "\ufffd" not in plain else ascii(word)


def directions(inspection: Inspection) -> str:
    """What each singular direction carries."""
    lines = "".join(
        f'<div class="ls-share"><span>{number}</span><i><b style="width:{min(100.0, 100 * one.weight):.1f}%"></b></i>'
        f"<em>{100 * one.weight:.0f} %</em></div>{_words(one.words)}"
        for number, one in enumerate(inspection.directions, start=1)
    )
    weak = sum(one.weight < 0.05 for one in inspection.directions)
    advice = (
        f"{weak} of {len(inspection.directions)} carry next to nothing: a lower rank would do."
        if weak
        else "All of them carry something: a higher rank may learn more."
    )
    return (
        parts.title("What each direction of the prompt carries", "How much of the prompt changes when it is left out.")
        + f'<div class="ls-shares ls-directions">{lines}</div>{parts.small(advice)}'
    )


def map_title(inspection: Inspection) -> str:
    """What the map shows, and how much of it."""
    return parts.key(
        "The prompt among the words",
        (("after training", "tuned"), ("before", "untrained"), ("nearest words", "word")),
    ) + parts.small(
        "Points that are near to each other point the same way. The plane shows "
        f"{100 * inspection.variance:.0f} % of their differences; the rest is in directions that a picture cannot have."
    )
