"""Whether a prompt is worth its training, as HTML: the sentence, a picture of the scores, and the table."""

from __future__ import annotations

from html import escape

from app.ui import parts
from app.ui.language import t
from app.views import formatting
from app.views.worth import LAMP, NAMES, WayLine, Worth, signed
from storage.jobs import Job, JobState

_STANDINGS = {"better": ("better", "ls-better"), "worse": ("worse", "ls-worse"), "level": ("may be chance", "")}


def answer(worth: Worth) -> str:
    """What the comparison means; "" before anything was compared."""
    return parts.notice(worth.sentence, "calm") if worth.sentence else ""


def picture(worth: Worth) -> str:
    """A bar for each score with the range in which it may lie. Screen readers have the same in the table."""
    if not worth.any_tried:
        return ""
    bars = "".join(_bar(line) for line in worth.lines if line.scores)
    score = "Accuracy" if worth.lines[0].are_labels else "ROUGE-L"
    rows = f"{formatting.rows(worth.rows)} that {'it never saw' if worth.tested else 'it was chosen by'}"
    below = f"On the {rows}; the line is the range in which each score may lie (95 %)."
    return f'{parts.title(f"{score} of each way", below)}<div class="ls-ways" aria-hidden="true">{bars}</div>'


def _bar(line: WayLine) -> str:
    low, high, mean = (100 * value for value in (line.interval.low, line.interval.high, line.mean))
    own = " ls-own" if line.way == LAMP else ""
    return (
        f'<div class="ls-way{own}"><span>{escape(t(NAMES[line.way]))}</span><i><b style="width:{mean:.1f}%"></b>'
        f'<u style="left:{low:.1f}%;width:{high - low:.1f}%"></u></i><em>{mean:.0f} %</em></div>'
    )


def table(worth: Worth) -> str:
    """Every way with its score, LAMP's lead and its costs."""
    if not worth.any_tried:
        return ""
    heads = ("Way", "Score", "LAMP's lead", "Trained numbers", "Tokens before a request", "Training", "Rate")
    head = "".join(f"<th scope=col>{escape(t(name))}</th>" for name in heads)
    body = "".join(_row(line, worth.lines[0]) for line in worth.lines)
    texts = "".join(
        parts.fold(f"{NAMES[line.way]}, as it stands before every input", line.text)
        for line in worth.lines
        if line.text
    )
    return (
        f'<div class="ls-table" tabindex="0"><table class="ls-scores ls-costs"><thead><tr>{head}</tr></thead>'
        f"<tbody>{body}</tbody></table></div>"
        + parts.small(
            "The lead is LAMP's score less the way's on the same rows, in points, with the range in which it may lie. "
            "Training counts the search for the learning rate; LAMP's own is worked out from its speed."
        )
        + texts
    )


def _row(line: WayLine, own: WayLine) -> str:
    name = f"<th scope=row>{escape(t(NAMES.get(line.way, line.way)))}</th>"
    if not line.scores:
        return f'<tr>{name}<td class="ls-untried" colspan=6>{escape(t(line.problem))}</td></tr>'
    interval, cost = line.interval, line.cost
    score = (
        f"<b>{100 * line.mean:.1f} %</b> <small>{t(f'{100 * interval.low:.0f} to {100 * interval.high:.0f}')}</small>"
    )
    size = f" <small>{formatting.bytes_text(cost.bytes)}</small>" if cost.bytes else ""
    training = t("unknown" if cost.seconds is None else formatting.duration(cost.seconds) if cost.numbers else "–")
    cells = (score, _lead(line, own), f"{cost.numbers:,}{size}", f"{cost.tokens:,}", escape(training), _rate(line))
    return f"<tr{' class=ls-chosen' if line is own else ''}>{name}{''.join(f'<td>{cell}</td>' for cell in cells)}</tr>"


def _lead(line: WayLine, own: WayLine) -> str:
    if line.lead is None:
        return "–"
    word, kind = _STANDINGS.get(line.standing, ("too few rows", ""))
    low_high = f"{signed(line.lead.low)} to {signed(line.lead.high)}"
    return f'<span class="{kind}">{signed(own.mean - line.mean)}</span> <small>{t(low_high)}, {t(word)}</small>'


def _rate(line: WayLine) -> str:
    if line.learning_rate is None:
        return "–"
    edge = f" <small>{t('at the edge of those tried')}</small>" if line.rate_at_edge else ""
    return f"{line.learning_rate:g}{edge}"


def progress(job: Job | None) -> str:
    """How far a comparison is, or why it ended early; "" where there is none, or where it has ended well."""
    if job is None or job.state is JobState.DONE:
        return ""
    done = f"{job.step} of {job.steps} ways"
    if job.state.finished:
        tone = "bad" if job.state is JobState.FAILED else "calm"
        return parts.notice(job.error or "What was finished stays.", tone, f"Ended after {done}.")
    waiting = job.state is JobState.QUEUED
    said = "Waiting for its turn in the queue of runs" if waiting else job.phase or "Starting"
    bar = parts.bar(job.step / max(1, job.steps), "Ways that were tried", moving=not job.step)
    return (
        f'<div class="ls-card ls-progress">{bar}<div class="ls-line"><span role="status">{escape(t(said))}</span>'
        f"<span>{t(done)}</span></div></div>"
    )


def cost(ways: int, seconds: float | None) -> str:
    """About how long the chosen ways take."""
    if not ways:
        return parts.small("Choose at least one way.")
    long = "an unknown time" if seconds is None else formatting.about(seconds)
    return parts.small(
        f"This takes {long} here, in the background: it waits in the queue like a run, and every way that is finished "
        "is kept."
    )
