"""HTML of the Training tab: what a run answered at each score, and its log."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from app.ui import parts
from app.ui.language import t
from app.views.score_samples import ScoreSamples


def samples(scores: Sequence[ScoreSamples]) -> str:
    """A few held-out rows, one a column, with the answer to each at every score, the newest first."""
    if not scores or not scores[-1].rows:
        return ""
    rows = scores[-1].rows
    heads = "".join(
        f"<th scope=col><div>{escape(row.input)}</div><small>{t('expected')}</small> {escape(row.expected)}</th>"
        for row in rows
    )
    lines = "".join(_line(one) for one in reversed(scores))
    return (
        parts.title("Answers at each score", "To the first held-out rows, the newest answers on top.")
        + f'<div class="ls-table ls-sampled" tabindex="0"><table><thead><tr><th scope=col>{t("Step")}</th>'
        f"{heads}</tr></thead>"
        f"<tbody>{lines}</tbody></table></div>"
    )


def _line(score: ScoreSamples) -> str:
    name = f"{score.step:,}" if score.step else t("Untrained")
    cells = "".join(
        f'<td class="{"ls-better" if row.answer.strip() == row.expected.strip() else ""}">'
        f"<div>{escape(row.answer) or t('(nothing)')}</div></td>"
        for row in score.rows
    )
    return f"<tr><th scope=row>{name}</th>{cells}</tr>"


def log(text: str, words: str) -> str:
    """Lines of the log: the last ones, or those with the words that were searched for."""
    if text:
        label = "Lines of the log with these words" if words else "Last lines of the log"
        return f'<pre class="ls-log" tabindex="0" aria-label="{t(label)}"><span>{escape(text)}</span></pre>'
    return parts.small("No line of the log has these words." if words else "The log is empty so far.")
