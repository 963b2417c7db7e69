"""The parts of a run's page as HTML, each made from the run's view."""

from __future__ import annotations

from html import escape

from app.ui import parts
from app.ui.language import t
from app.views import score_text, status
from app.views.rate_search import TriedRate
from app.views.recipe_facts import Facts
from app.views.run_view import RunView
from storage.states import JobState

_AS_WRITTEN = frozenset(
    {"Backbone", "Imported from", "Data", "From the Hub", "Input", "Target", "Template", "First prompt"}
)
"""Facts of a recipe whose values are never translated."""


def head(view: RunView) -> str:
    """Name, state, progress and the few numbers that matter."""
    note = f'<p class="ls-note">{escape(view.note)}</p>' if view.note else ""
    other = t(f'from <a href="runs?run={escape(view.parent or "")}">another run</a>')
    origin = f" · {other}" if view.parent else ""
    made = f"{t('imported' if view.imported else 'made')} {parts.moment(view.created_at, view.now)}"
    about = " · ".join(filter(None, (escape(view.backbone), escape(view.dataset_name), made)))
    return (
        f'<a class="ls-up" href="runs">{t("← All runs")}</a><div class="ls-head"><h1>{escape(view.name)}</h1>'
        f'{parts.pill(view.status.label, view.status.tone)}</div><p class="ls-small">{about}{origin}'
        f"{parts.tags(view.tags)}</p>"
        f"{note}{_progress(view.status)}" + (parts.tiles(view.tiles) if view.tiles else "")
    )


def head_without_run(sentence: str) -> str:
    """What stands in place of the head when the run cannot be read. sentence: why."""
    return parts.empty("This run cannot be shown", sentence, "runs", "All runs")


def _progress(shown: status.Status) -> str:
    bar = parts.bar(shown.share, "Progress", shown.moving, shown.tone)
    percent = "" if shown.moving else f"<b>{100 * shown.share:.0f} %</b>"
    return (
        f'<div class="ls-card ls-progress">{bar}<div class="ls-line"><span role="status" aria-live="polite">'
        f"{escape(t(shown.sentence))}</span><span>{escape(t(shown.time))} {percent}</span></div></div>"
    )


def trouble(view: RunView) -> str:
    """Why a run ended badly, in one sentence, with the log's end folded beneath; or that it was deleted."""
    if view.deleted:
        return parts.notice(
            "It can be brought back for a day; after that its files are gone.", "warn", "This run was deleted."
        )
    if view.state is JobState.FAILED:
        notice = parts.notice(view.error or "The log says more.", "bad", "This run failed.")
    elif view.state is JobState.INTERRUPTED:
        notice = parts.notice(
            f"{view.error or 'Its worker vanished.'} Resume goes on from the last checkpoint.",
            "warn",
            "This run was interrupted.",
        )
    else:
        return ""
    return notice + (parts.fold("The end of the log", view.log) if view.log else "")


def verdict(view: RunView) -> str:
    """How good the prompt of an ended run is, and what to try next."""
    said = view.verdict
    return parts.notice(said.text, said.tone, said.heading) if said and not view.deleted else ""


def tab_title(view: RunView) -> str:
    """The title of the browser's tab: how much of a live run is done, and its name."""
    percent = f"{100 * view.status.share:.0f} % · " if view.live and not view.status.moving else ""
    return f"{percent}{view.name} · LAMP Studio"


def waiting(view: RunView) -> str:
    """What stands in place of the plots until there is something to plot."""
    if view.has_curves:
        return ""
    if view.imported:
        return parts.empty("No curve", "This prompt was trained elsewhere, and prompts bring no curves with them.")
    return parts.empty("No curve yet", "It appears here with the first step: loading the model comes first.")


def score_title(view: RunView) -> str:
    """What the plot of scores shows."""
    heading = f"{score_text.metric_label(view.metric)} on the validation rows"
    return parts.key(heading, (("tuned prompt", "tuned"), ("untrained model", "untrained")))


def tried_rates(view: RunView) -> str:
    """How each learning rate of the search did, with the one that was found."""
    if not view.tried_rates:
        return ""
    tried, going_on = view.tried_rates, [one.rate for one in view.tried_rates if one.goes_on]
    steps = sorted({step for one in tried for step, _ in one.losses})
    heads = "".join(f"<th scope=col>{t(head)}</th>" for head in ("", *(f"Step {step:,}" for step in steps), ""))
    rows = "".join(
        f"<tr{' class=ls-chosen' if one.goes_on else ''}><th scope=row>{escape(one.rate)}</th>"
        + "".join(
            f"<td>{dict(one.losses)[step]:.4g}</td>" if step in dict(one.losses) else "<td></td>" for step in steps
        )
        + f"<td>{t(_fate(one))}</td></tr>"
        for one in tried
    )
    said = f"{len(going_on)} of {len(tried)} still compete for the lowest loss."
    if len(going_on) == 1:
        said = f"{going_on[0]} had the lowest loss on the held-out rows and goes on alone."
    elif len(going_on) == view.voters:
        said = f"The {view.voters} with the lowest loss on the held-out rows go on, and their prompts vote."
    elif not going_on:
        said = "None of them could go on."
    return (
        parts.title("Learning rates that were tried", said)
        + f'<table class="ls-scores ls-rates"><thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table>'
    )


def _fate(rate: TriedRate) -> str:
    if rate.diverged_at is not None:
        return f"diverged at step {rate.diverged_at:,}"
    return "goes on" if rate.goes_on else "dropped"


def history(view: RunView) -> str:
    """Every change of state with its reason and its time on the viewer's clock, newest first."""
    lines = "".join(
        f"<li>{parts.pill(*status.state_words(event.state))}<span>{escape(t(event.reason))}</span>"
        f"{parts.exact_moment(event.at, view.now)}</li>"
        for event in reversed(view.events)
    )
    return f'{parts.title("History")}<ol class="ls-history">{lines}</ol>'


def recipe(view: RunView) -> str:
    """What the run was made with, and in what that differs from the run that it was started from."""
    return _changes(view) + parts.title("Recipe") + facts(view.recipe)


def facts(recipe: Facts) -> str:
    """The facts of a recipe, of which some are as people wrote them: names of columns, say."""
    return parts.facts([(name, value if name in _AS_WRITTEN else t(value)) for name, value in recipe])


def _changes(view: RunView) -> str:
    if view.parent is None or view.changes is None:
        return ""
    link = f'<a href="runs?run={escape(view.parent)}">{t("the run that it came from")}</a>'
    if not view.changes:
        return f'<p class="ls-small">{t(f"All its settings are those of {link}.")}</p>'
    rows = "".join(
        f"<tr><th scope=row>{escape(t(name))}</th><td>{escape(before)}</td><td>{escape(here)}</td></tr>"
        for name, before, here in view.changes
    )
    return (
        f'<div class="ls-title"><h2>{t("What differs")}</h2><p>{t(f"From {link}.")}</p></div>'
        f'<table class="ls-scores ls-changes"><thead><tr><th></th><th scope=col>{t("Before")}</th>'
        f"<th scope=col>{t('Here')}</th></tr></thead><tbody>{rows}</tbody></table>"
    )
