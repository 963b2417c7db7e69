"""HTML of a run's final scores, each beside the untrained model's."""

from __future__ import annotations

from html import escape

from app.ui import parts
from app.ui.language import t
from app.views import score_text
from app.views.results import Results
from app.views.run_view import RunView
from app.views.uncertainty import Interval

_NEVER_SEEN = "Rows that the prompt never learned from and that chose nothing."
_CHOSEN_BY = "Rows that the prompt never learned from, but by which the best one was chosen: they flatter it a little."
_ELSEWHERE = "What an imported prompt has learned from is not known here: it may have seen these rows."
_HOW_SURE = (
    "Small numbers: where the score on all rows of this kind lies with a confidence of 95 %. That of the difference is "
    "narrower, because it compares the same rows with and without the prompt."
)


def scores(view: RunView) -> str:
    """Every score of an ended run, with intervals where rows tell them, and always naming the commonest label."""
    if not view.scores:
        return ""
    results = view.results if view.tested else None  # rows that chose the prompt tell nothing of others
    known = score_text.metric_label(results.metric) if results else ""
    votes = any(score.vote for score in view.scores)
    rows = "".join(_row(score, results if score.label == known else None, votes=votes) for score in view.scores)
    said = _ELSEWHERE if view.imported else _NEVER_SEEN if view.tested else _CHOSEN_BY
    return (
        parts.title(f"Scores on {view.scored_on}", said)
        + '<table class="ls-scores"><thead><tr><th></th><th scope=col>'
        + t("Tuned")
        + "</th>"
        + (f"<th scope=col>{t('By vote')}</th>" if votes else "")
        + f"<th scope=col>{t('Untrained')}</th>"
        + f"<th scope=col>{t('Difference')}</th></tr></thead><tbody>{rows}</tbody></table>"
        + (parts.small(_HOW_SURE) if results else "")
        + _commonest(view.results)
    )


def _row(score: score_text.ScoreComparison, results: Results | None, *, votes: bool) -> str:
    """One score. results: the rows that it is the mean of, where they are known; votes: whether prompts vote."""
    tuned, untrained, gain = ("", "", "")
    if results:
        tuned, untrained = _range(results.interval), _range(results.untrained_interval)
        gain = _range(results.gain, signed=True)
    return (
        f"<tr><th scope=row>{escape(t(score.label))}</th><td><b>{escape(score.tuned)}</b>{tuned}</td>"
        + (f"<td>{escape(score.vote)}</td>" if votes else "")
        + f"<td>{escape(score.untrained) or '–'}{untrained}</td>"
        f'<td class="{"ls-better" if score.better else "ls-worse"}">{escape(t(score.gain)) or "–"}{gain}</td></tr>'
    )


def _range(interval: Interval, *, signed: bool = False) -> str:
    low, high = (f"{100 * value:{'+' if signed else ''}.1f}" for value in (interval.low, interval.high))
    unit = "points" if signed else "%"
    said = f"{low} to {high} {unit}".replace("-", "−")
    return f"<small>{t(said)}</small>"


def _commonest(results: Results | None) -> str:
    """What a score of labels is to be measured by."""
    if results is None or not results.are_labels:
        return ""
    (label, times), rows = results.commonest, len(results.answers)
    return parts.small(
        f"Always answering {label!r}, the commonest label, would be right on {times:,} of {rows:,} "
        f"({100 * times / rows:.1f} %)."
    )
