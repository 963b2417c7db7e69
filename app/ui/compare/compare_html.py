"""HTML of the Compare page."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from itertools import groupby

from app.ui import parts
from app.ui.language import t
from app.views import comparison, formatting, score_text
from app.views.comparison import LETTERS, ComparedRun, Setting
from app.views.status import state_words

NOTHING = parts.empty(
    "Choose two runs or more",
    "Their curves, scores and settings are laid side by side, and you are told whether a difference means anything.",
)


def said(html: str, *, plots: bool = False) -> str:
    """What stands on top of the comparison. studio.css shows nothing of the comparison before this is there, and the
    plots, if there are any."""
    return f'<div class="ls-compare-said{" ls-plotted" if plots else ""}">{html}</div>'


def verdicts(runs: Sequence[ComparedRun]) -> str:
    """Which run is best, and whether its lead over each other one is more than chance."""
    differences = comparison.differences(runs)
    if not differences:
        return ""
    items = "".join(f"<li>{escape(t(difference))}</li>" for difference in differences)
    heading, caution = "There is no telling which one is better.", ""
    best = comparison.best(runs)
    if best is not None:
        heading = f"{LETTERS[best]}, {runs[best].run.job.name}, has the best score."
        caution = parts.small(
            "Whoever chooses among many runs by these rows makes the chosen one look a little better than it is."
        )
    return (
        f'<div class="ls-notice ls-calm ls-warnings" role="status"><strong>{escape(t(heading))}</strong>'
        f"<ul>{items}</ul>"
        f"{caution}</div>"
    )


def scores(runs: Sequence[ComparedRun], metric: str | None) -> str:
    """A line for each run: its score with the interval, the untrained model's, its rows, best step and duration."""
    best = comparison.best(runs)
    lines = "".join(_line(number, one, metric, best=number == best) for number, one in enumerate(runs))
    label = score_text.metric_label(metric) if metric else "Score"
    heads = ("Run", label, "95 % range", "Untrained", "Rows", "Numbers trained", "Took", "State")
    head = "".join(f"<th scope=col>{escape(t(name))}</th>" for name in heads)
    return (
        parts.title("Scores")
        + f'<div class="ls-table ls-compared" tabindex="0"><table><thead><tr>{head}</tr></thead><tbody>{lines}'
        "</tbody></table></div>"
    )


def _line(number: int, one: ComparedRun, metric: str | None, *, best: bool) -> str:
    job, scores, results = one.run.job, one.scores, one.results
    interval = ""
    if results and scores.tested and metric in {"accuracy", "rouge_l"}:
        interval = t(f"{100 * results.interval.low:.0f} to {100 * results.interval.high:.0f} %")
    tuned, untrained = ("", "")
    if metric and metric in scores.tuned:
        tuned = score_text.format_score(metric, scores.tuned[metric])
    if metric and metric in scores.untrained:
        untrained = score_text.format_score(metric, scores.untrained[metric])
    took = t(formatting.duration(one.duration.total_seconds())) if one.duration else ""
    lamp = one.run.config.lamp
    shape = t(f"{lamp.virtual_tokens} virtual tokens, rank {lamp.rank}")
    cells = (tuned, interval, untrained, t(score_text.scored_on(scores)) if scores.tuned else "", shape, took)
    return (
        f"<tr{' class=ls-chosen' if best else ''}><th scope=row>{chip(number)} "
        f'<a href="runs?run={escape(job.id)}">{escape(job.name)}</a></th>'
        + "".join(f"<td>{escape(cell) or '–'}</td>" for cell in cells)
        + f"<td>{parts.pill(*state_words(job.state))}</td></tr>"
    )


def settings_title(settings: Sequence[Setting]) -> str:
    """The heading of the settings: how many differ."""
    differing = sum(setting.differs for setting in settings)
    same = len(settings) - differing
    return parts.title("Settings", f"{differing} differ, {same} are the same." if differing else "All are the same.")


def settings(settings: Sequence[Setting], runs: int) -> str:
    """All settings side by side in groups, values that are not the first run's marked.

    Lines of the class "ls-same" are those that the style sheet can hide.
    """
    head = "".join(f"<th scope=col>{chip(number)}</th>" for number in range(runs))
    groups = "".join(
        _group(name, list(members), runs) for name, members in groupby(settings, lambda setting: setting.group)
    )
    same = "" if any(setting.differs for setting in settings) else " ls-same"
    return (
        f'<div class="ls-table ls-compared{same}" tabindex="0"><table><thead><tr><th></th>{head}</tr></thead>'
        f"{groups}</table></div>"
    )


def _group(name: str, settings: Sequence[Setting], runs: int) -> str:
    same = _class("ls-same", not any(setting.differs for setting in settings))
    head = f'<tr class="ls-group"><th colspan="{runs + 1}" scope=rowgroup>{escape(t(name))}</th></tr>'
    return f"<tbody{same}>{head}{''.join(map(_setting, settings))}</tbody>"


def _setting(setting: Setting) -> str:
    cells = "".join(
        f"<td{_class('ls-other', value != setting.values[0])}><div>{escape(value)}</div></td>"
        for value in setting.values
    )
    same = _class("ls-same", not setting.differs)
    return f"<tr{same}><th scope=row>{escape(t(setting.name))}</th>{cells}</tr>"


def _class(name: str, given: bool) -> str:
    return f' class="{name}"' if given else ""


def plot_title(heading: str, runs: int) -> str:
    """A plot's heading with the runs' colours."""
    return parts.key(heading, [(LETTERS[number], f"run-{number}") for number in range(runs)])


def chip(number: int) -> str:
    """A run's letter on its colour."""
    return f'<span class="ls-letter"><i class="ls-run-{number}"></i>{LETTERS[number]}</span>'
