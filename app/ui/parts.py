"""Small pieces of HTML that the pages are made of. Each function escapes the texts that it is given.

Headings and sentences are shown in the reader's language, values as they are given.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from html import escape

from app.ui.language import t
from app.views import formatting

LAMP = (
    '<svg viewBox="0 0 32 32" width="26" height="26" aria-hidden="true"><g fill="currentColor">'
    '<path d="M11 4h10l5 12H6z"/><path d="M15 16h2v9h-2z" opacity=".75"/>'
    '<rect x="8" y="25" width="16" height="3" rx="1.5"/>'
    "</g></svg>"
)
_PAGES = (("Tune", "./"), ("Runs", "runs"), ("Compare", "compare"))
_MOST_LABELS = 12


def header(current: str, after: str = "") -> str:
    """The top of every page: the studio's name and the links to its pages.

    current: the name of this page; after: HTML that follows the links.
    """
    links = "".join(
        f'<a href="{href}"{" aria-current=page" if name == current else ""}>{name}</a>' for name, href in _PAGES
    )
    brand = f'<a class="ls-brand" href="./">{LAMP}<span>LAMP Studio</span></a>'
    return f'<header class="ls-top">{brand}<nav>{links}</nav>{after}</header>'


def title(text: str, below: str = "") -> str:
    """A section's heading and, if given, the sentence below it."""
    sentence = f"<p>{escape(t(below))}</p>" if below else ""
    return f'<div class="ls-title"><h2>{escape(t(text))}</h2>{sentence}</div>'


def pill(label: str, tone: str) -> str:
    """A state in one word, coloured by its tone: "calm", "active", "good", "warn" or "bad"."""
    return f'<span class="ls-pill ls-{tone}">{escape(t(label))}</span>'


def tags(names: Sequence[str]) -> str:
    """A run's tags."""
    return "".join(f'<span class="ls-tag">{escape(name)}</span>' for name in names)


def notice(text: str, tone: str = "calm", heading: str = "") -> str:
    """A sentence in a box, with a heading in bold before it if one is given."""
    strong = f"<strong>{escape(t(heading))}</strong> " if heading else ""
    return f'<div class="ls-notice ls-{tone}" role="status">{strong}{escape(t(text))}</div>'


def demo_line(duplicate: str) -> str:
    """What visitors of a demo are told on every page; studio.css hides by it what would change something.

    duplicate: the address that makes a Space of their own, "" where this is no Space.
    """
    link = f' <a href="{escape(duplicate)}" target="_blank" rel="noopener">Duplicate this Space to train</a>'
    said = "Look at the runs and try their prompts; nothing can be started or changed here."
    return (
        f'<div class="ls-notice ls-calm ls-demo" role="status"><strong>A demo.</strong> {said}'
        f"{link if duplicate else ''}</div>"
    )


def revoke(number: int, what: str) -> str:
    """A button that revokes what has this number; components.REVOKING makes an event of it."""
    label = escape(t(f"Revoke {what}"))
    return f'<button type="button" data-revoke="{number}" aria-label="{label}">{t("Revoke")}</button>'


def small(text: str) -> str:
    """A remark in small print."""
    return f'<p class="ls-small">{escape(t(text))}</p>'


def problems(sentences: Sequence[str], heading: str = "", links: Mapping[str, str] | None = None) -> str:
    """A list of problems, each sentence once; "" when there are none.

    links: attributes of the link that a sentence becomes, where it becomes one.
    """
    if not sentences:
        return ""
    links = links or {}
    items = "".join(f"<li>{_linked(sentence, links.get(sentence))}</li>" for sentence in dict.fromkeys(sentences))
    strong = f"<strong>{escape(t(heading))}</strong>" if heading else ""
    return f'<div class="ls-notice ls-bad ls-problems" role="alert">{strong}<ul>{items}</ul></div>'


def warnings(sentences: Sequence[str], heading: str) -> str:
    """A list of what should be known and keeps nothing from being done; "" when there is nothing."""
    items = "".join(f"<li>{escape(t(sentence))}</li>" for sentence in sentences)
    strong = f"<strong>{escape(t(heading))}</strong>"
    return f'<div class="ls-notice ls-calm ls-warnings" role="status">{strong}<ul>{items}</ul></div>' if items else ""


def _linked(sentence: str, attributes: str | None) -> str:
    shown = escape(t(sentence))
    return f"<a {attributes}>{shown}</a>" if attributes else shown


def empty(text: str, below: str, href: str = "", action: str = "") -> str:
    """What stands in place of an empty list: what is missing, what to do, and a link that does it."""
    link = f'<a class="ls-button" href="{escape(href)}">{escape(t(action))}</a>' if href else ""
    return f'<div class="ls-empty">{LAMP}<h3>{escape(t(text))}</h3><p>{escape(t(below))}</p>{link}</div>'


def tiles(items: Sequence[tuple[str, str, str]]) -> str:
    """Each (name, value, remark) as a tile."""

    def small(remark: str) -> str:
        return f'<dd class="ls-small">{escape(t(remark))}</dd>' if remark else ""

    return (
        '<dl class="ls-tiles">'
        + "".join(
            f"<div><dt>{escape(t(name))}</dt><dd>{escape(t(value))}</dd>{small(remark)}</div>"
            for name, value, remark in items
        )
        + "</dl>"
    )


def facts(items: Sequence[tuple[str, str]]) -> str:
    """Each (name, value) as a line."""
    return (
        '<dl class="ls-facts">'
        + "".join(f"<div><dt>{escape(t(name))}</dt><dd>{escape(value)}</dd></div>" for name, value in items)
        + "</dl>"
    )


def key(heading: str, lines: Sequence[tuple[str, str]]) -> str:
    """A plot's title and the legend of its lines, each (name, the colour's CSS class without "ls-")."""
    names = "".join(f'<i class="ls-{colour}"></i>{escape(t(name))}' for name, colour in lines)
    return f'<div class="ls-key"><h3>{escape(t(heading))}</h3><span>{names}</span></div>'


def bar(share: float, label: str, moving: bool = False, tone: str = "active") -> str:
    """A progress bar. share: between 0 and 1; label: for screen readers; moving: work goes on, its share is unknown."""
    percent = round(100 * share, 1)
    value = "" if moving else f' aria-valuenow="{percent:g}" aria-valuemin="0" aria-valuemax="100"'
    kind = f"ls-bar ls-{tone}{' ls-moving' if moving else ''}"
    return (
        f'<div class="{kind}" role="progressbar" aria-label="{escape(t(label))}"{value}>'
        f'<span style="width:{percent:g}%"></span></div>'
    )


def shares(labels: Mapping[str, int]) -> str:
    """The number of rows of each label as bars, for the first 12 labels."""
    top = max(labels.values(), default=1)
    lines = "".join(
        f'<div class="ls-share"><span>{escape(label)}</span><i><b style="width:{100 * rows / top:.1f}%"></b></i>'
        f"<em>{rows:,}</em></div>"
        for label, rows in list(labels.items())[:_MOST_LABELS]
    )
    hidden = len(labels) - _MOST_LABELS
    more = small(f"and {hidden} more labels") if hidden > 0 else ""
    return f'<div class="ls-shares">{lines}</div>{more}'


def moment(at: datetime, now: datetime) -> str:
    """A time as its age, with the exact one in the time zone of `now` as a tooltip."""
    local = at.astimezone(now.tzinfo)
    exact = f"{local:%Y-%m-%d %H:%M:%S}{' UTC' if now.tzinfo is UTC else ''}"
    return f'<time datetime="{at.isoformat()}" title="{exact}">{escape(t(formatting.age(local, now)))}</time>'


def exact_moment(at: datetime, now: datetime) -> str:
    """A time on the clock of the time zone of `now`, with its age as a tooltip."""
    local = at.astimezone(now.tzinfo)
    age = escape(t(formatting.age(local, now)))
    return f'<time datetime="{at.isoformat()}" title="{age}">{local:%d %b %Y %H:%M:%S}</time>'


def code(text: str) -> str:
    """Lines of a program, and a button to copy them. Not gr.Code, whose editor is a third of all that a page loads."""
    return (
        f'<div class="ls-code"><pre tabindex="0">{escape(text, quote=False)}</pre>'
        '<button type="button">Copy</button></div>'
    )


def fold(summary: str, text: str) -> str:
    """Preformatted text that is hidden until its summary is clicked."""
    inner = f'<summary>{escape(t(summary))}</summary><pre tabindex="0">{escape(text)}</pre>'
    return f'<details class="ls-fold">{inner}</details>'
