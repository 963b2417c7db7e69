"""HTML of how two prompts that are mixed score, beside each alone."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from app.answering.mix_scores import MixScores
from app.ui import parts
from app.ui.language import t
from app.views import score_text
from app.views.uncertainty import mean_interval, share_interval

_HOW_TO_READ = {
    "blend": "A blend that scores about as well as both says that they solve the task in the same way; one that is far "
    "worse says that each has found a way of its own.",
    "after": "Where both together score about as well as the better one, they do not disturb each other; where they "
    "score far worse, they do: neither was trained beside the other.",
}


def progress(share: float, stage: str) -> str:
    """How far the scoring is. share: 0 to 1; stage: what is done now, in a few words."""
    bar = parts.bar(share, "Scoring the mix", moving=not share)
    return (
        f'<div class="ls-card ls-progress">{bar}'
        f'<div class="ls-line"><span role="status">{escape(t(f"{stage} …"))}</span></div></div>'
    )


def scores(found: MixScores, own: str, other: str, way: str, percent: int) -> str:
    """The three scores, with what they are of and how to read them. own, other: names of the runs; percent: of `own`
    in a blend."""
    mixed = t(f"Blend, {percent} % and {100 - percent} %" if way == "blend" else "The first, then the second")
    lines = ((own, found.own, ""), (other, found.other, ""), (mixed, found.mixed, "ls-chosen"))
    rows = "".join(_row(name, values, found.metric, css) for name, values, css in lines)
    label = score_text.metric_label(found.metric)
    lower = ", the lower the better" if found.metric == "loss" else ""
    return (
        '<div role="status"><table class="ls-scores ls-mixed"><thead><tr><th scope=col>' + t("Prompt") + "</th>"
        f"<th scope=col>{t(label)}{t(lower)}</th></tr></thead><tbody>{rows}</tbody></table>"
        f"{parts.small(_rows_said(found, other))}{parts.small(_HOW_TO_READ[way])}</div>"
    )


def _row(name: str, values: Sequence[float], metric: str, css: str) -> str:
    mean = sum(values) / len(values)
    if metric == "loss":
        interval = mean_interval(values)
        said, around = f"{mean:.3f}", f"{interval.low:.3f} to {interval.high:.3f}"
    else:
        interval = share_interval(round(sum(values)), len(values))
        said, around = f"{100 * mean:.1f} %", f"{100 * interval.low:.1f} to {100 * interval.high:.1f} %"
    cell = f"<b>{said}</b><small>{t(around)}</small>"
    return f'<tr class="{css}"><th scope=row>{escape(name)}</th><td>{cell}</td></tr>'


def _rows_said(found: MixScores, other: str) -> str:
    rows = len(found.own)
    taken = f"{rows:,} of the {found.of_rows:,} rows" if rows < found.of_rows else f"the {rows:,} rows"
    said = f"On {taken} that this run's score is of, all three read in the way of this run."
    if found.learned is None:
        return f"{said} Whether {other} has learned from some of them is not known."
    if found.learned:
        return f"{said} {other} has learned from {found.learned:,} of them, which flatters it and the mix."
    return f"{said} Neither prompt has learned from them."
