"""HTML of the Access page."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from html import escape

from app.ui import parts
from app.ui.language import t
from storage.tokens import Token

READS, EVERYTHING = "Read only", "Everything I can do"
"""What a token may do."""


def tokens(found: Sequence[Token], now: datetime) -> str:
    """A line for each token, with a button that revokes it. now: in the time zone of the person who looks at it."""
    if not found:
        return parts.empty("No tokens yet", "Make one for each program, so that you can end each by itself.")
    heads = ("Name", "Begins with", "May do", "Made", "Last used", "Ends")
    head = "".join(f"<th scope=col>{t(name)}</th>" for name in heads)
    lines = "".join(_line(token, now) for token in found)
    return f'<table class="ls-tokens"><thead><tr>{head}<td></td></tr></thead><tbody>{lines}</tbody></table>'


def made(token: Token) -> str:
    """What is said above a new token."""
    return parts.notice(
        f"{token.name} begins with {token.start}. Copy it now: it is shown this once and kept nowhere.", "good", "Made."
    )


def asked(token: Token) -> str:
    """The question before a token is revoked."""
    return parts.notice(
        f"{token.name} ({token.start}…) is not taken any more from then on, and cannot be brought back.",
        "warn",
        "Revoke it?",
    )


def _line(token: Token, now: datetime) -> str:
    used = parts.moment(token.used_at, now) if token.used_at else t("never")
    return (
        f'<tr><th scope="row">{escape(token.name)}</th>'
        f'<td data-label="{t("Begins with")}"><code>{escape(token.start)}…</code></td>'
        f'<td data-label="{t("May do")}">{t("read" if token.reads_only else "everything")}</td>'
        f'<td data-label="{t("Made")}">{parts.moment(token.created_at, now)}</td>'
        f'<td data-label="{t("Last used")}">{used}</td>'
        f'<td data-label="{t("Ends")}">{_end(token, now)}</td>'
        f"<td>{parts.revoke(token.number, token.name)}</td></tr>"
    )


def _end(token: Token, now: datetime) -> str:
    if token.ends_at is None:
        return t("never")
    if token.has_ended(now):
        return parts.pill("Ended", "warn")
    local = token.ends_at.astimezone(now.tzinfo)
    return f'<time datetime="{token.ends_at.isoformat()}">{local:%d %b %Y}</time>'
