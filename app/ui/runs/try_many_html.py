"""How far the answers to a file or a list are, as HTML."""

from __future__ import annotations

from html import escape

from app.answering.answer_list import ListProgress
from app.ui import parts
from app.ui.language import t
from app.views import formatting


def list_html(progress: ListProgress | None) -> str:
    """A bar while rows are answered, and what became of them after that; "" where there is no list."""
    if progress is None:
        return ""
    if progress.going:
        return _bar(progress)
    of = f"{progress.answered:,} of {formatting.rows(progress.rows)}"
    if progress.state == "failed":
        kept = " The answers so far can be taken home." if progress.files else ""
        return parts.notice(f"{progress.stage}{kept}", "bad", f"Ended after {of}.")
    heading = f"Canceled after {of}." if progress.state == "canceled" else f"{formatting.rows(progress.rows)} answered."
    return parts.notice(_remarks(progress), "calm" if progress.state == "canceled" else "good", heading)


def _bar(progress: ListProgress) -> str:
    loading = progress.state == "waiting" or not progress.answered
    bar = parts.bar(progress.answered / max(1, progress.rows), "Answering the rows", moving=loading)
    left = progress.rows - progress.answered
    if progress.stopping:
        said, rest = t("Stopping after these rows …"), ""
    elif loading:
        said, rest = escape(t(f"{progress.stage or 'Getting ready'} …")), t(formatting.rows(progress.rows))
    else:
        time_left = "" if progress.seconds_left is None else f", {formatting.about(progress.seconds_left)}"
        said = t(f"Answered {progress.answered:,} of {formatting.rows(progress.rows)}")
        rest = t(f"{left:,} left{time_left}")
    name = t(f" of {escape(progress.source)}") if progress.source and not loading and not progress.stopping else ""
    return (
        f'<div class="ls-card ls-progress">{bar}'
        f'<div class="ls-line"><span role="status">{said}{name}</span><span>{rest}</span></div></div>'
    )


def _remarks(progress: ListProgress) -> str:
    """What else should be known of the rows that were answered."""
    remarks = [f"From {progress.source}."] if progress.source else []
    if number := progress.without_input:
        remarks.append(
            f"{formatting.rows(number)} without an input {'has' if number == 1 else 'have'} an empty answer."
        )
    if number := progress.cut:
        remarks.append(f"{formatting.rows(number)} {'was' if number == 1 else 'were'} too long and read in part.")
    return " ".join(remarks)
