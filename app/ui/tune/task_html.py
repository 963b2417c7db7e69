"""What will be learned: one sentence, the rows of each label, and a row as the model reads it."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from app.ui import parts
from app.ui.language import t
from app.views.plan import Preview, ReadRow
from lamp.config import TuneConfig

_LONGEST_SHOWN = 1200
"""Characters of a part of a row that are shown; of a longer one the beginning and the end."""


def sentence(preview: Preview, config: TuneConfig) -> str:
    """Such as "Reads subject and body, picks one of 5 labels."; HTML."""
    target = f"<b>{escape(config.data.target_column)}</b>"
    read = joined([f"<b>{escape(column)}</b>" for column in config.data.input_columns])
    if preview.labels:
        return t(f"Reads {read}, picks one of <b>{len(preview.labels)} labels</b> of {target}.")
    return t(f"Reads {read}, writes {target}.")


def task(preview: Preview, config: TuneConfig) -> str:
    """All of it as HTML."""
    if not preview.read:
        return parts.empty("Nothing to learn yet", "Say in the table which column is read and which one answers.")
    virtual = None if config.lamp.problems() else config.lamp.virtual_tokens
    html = f'<p class="ls-sentence">{sentence(preview, config)}</p>'
    if preview.labels:
        html += parts.shares(preview.labels)
    first, *long = preview.read
    html += _row(first, virtual, config) + "".join(_row(row, virtual, config) for row in long)
    if any(row.cut for row in preview.read):
        limit = config.data.max_input_tokens
        html += parts.small(
            f"Crossed out: not read, because an input has {limit:,} tokens at most. Longest input, in all settings, "
            "changes that."
        )
    return html


def joined(names: Sequence[str]) -> str:
    """ "a", "a and b", "a, b and c"."""
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)


def _row(row: ReadRow, virtual: int | None, config: TuneConfig) -> str:
    user, model = ("", "")
    if config.data.input_format == "chat":
        user, model = (
            '<span class="ls-chip">' + t("user") + "</span>",
            '<span class="ls-chip">' + t("model") + "</span>",
        )
    size = f"{virtual} " if virtual else ""
    cut = f"<del>{escape(_shortened(row.cut))}</del>" if row.cut else ""
    number = t(f"Row {row.number:,}{', of which the end is not read' if row.cut else ''}")
    return (
        f'<figure class="ls-row"><figcaption>{number}</figcaption><div class="ls-reading" tabindex="0">'
        f'<span class="ls-chip">{t(f"{size}virtual tokens")}</span>{user}{escape(_shortened(row.text))}{cut}'
        f'{escape(row.end)} {model}<span class="ls-answer">{escape(_shortened(row.target)) or t("(empty)")}</span>'
        "</div></figure>"
    )


def _shortened(text: str) -> str:
    if len(text) <= _LONGEST_SHOWN:
        return text
    half = _LONGEST_SHOWN // 2
    return f"{text[:half]} … {len(text) - 2 * half:,} more characters … {text[-half:]}"
