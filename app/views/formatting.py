"""Formats numbers, times and sizes for people."""

from __future__ import annotations

import re
from datetime import datetime


def duration(seconds: float) -> str:
    """Formats a duration, such as "45 s", "3 min 20 s" or "1 h 05 min"."""
    whole = max(0, round(seconds))
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    if whole < 86_400:
        return f"{whole // 3600} h {whole % 3600 // 60:02d} min"
    return f"{whole // 86_400} d {whole % 86_400 // 3600} h"


def about(seconds: float) -> str:
    """Formats a duration in whole minutes, such as "about 5 min" or "less than a minute"."""
    if seconds < 60:
        return "less than a minute"
    return "about " + duration(round(seconds / 60) * 60).removesuffix(" 00 s")


def age(then: datetime, now: datetime) -> str:
    """Formats how long ago a time was: "just now", "5 min ago", "3 h ago", "2 days ago", or its date."""
    seconds = (now - then).total_seconds()
    if seconds < 60:
        return "just now"
    if seconds < 3600:
        return f"{int(seconds // 60)} min ago"
    if seconds < 86_400:
        return f"{int(seconds // 3600)} h ago"
    if seconds < 14 * 86_400:
        days = int(seconds // 86_400)
        return "yesterday" if days == 1 else f"{days} days ago"
    return f"{then:%d %b %Y}"


def moment(then: datetime, now: datetime) -> str:
    """Formats a time in the time zone of `now`: "14:05", "26 Nov 14:05", or with its year if that is another one."""
    local = then.astimezone(now.tzinfo)
    if local.date() == now.date():
        return f"{local:%H:%M}"
    return f"{local:%d %b %H:%M}" if local.year == now.year else f"{local:%d %b %Y}"


def rows(number: int) -> str:
    """Formats a number of rows, such as "1 row" or "1,200 rows"."""
    return f"{number:,} row{'' if number == 1 else 's'}"


def count(number: float) -> str:
    """Formats a large number, such as "134.5 M" or "5,416"."""
    for size, unit in ((1e9, "B"), (1e6, "M")):
        if number >= size:
            return f"{number / size:.4g} {unit}"
    return f"{number:,.0f}"


def bytes_text(size: int) -> str:
    """Formats a size in bytes, such as "26.4 kB", "1.2 MB" or "40.0 GB"."""
    if size >= 1e9:
        return f"{size / 1e9:.1f} GB"
    return f"{size / 1e6:.1f} MB" if size >= 1e6 else f"{size / 1e3:.1f} kB" if size >= 1000 else f"{size} bytes"


def parse_number(text: str) -> float:
    """Reads a number from a text, with a decimal point or a decimal comma.

    Raises ValueError for anything else, and for "1,000": that is one to some people and a thousand to others.
    """
    comma = re.fullmatch(r"([+-]?)(\d*),(\d+)", text.strip())
    if comma is None:
        return float(text)
    sign, whole, decimals = comma.groups()
    if len(decimals) == 3 and whole.strip("0"):
        raise ValueError(f"{text!r} can mean two numbers.")
    return float(f"{sign}{whole or 0}.{decimals}")


def parse_tags(text: str) -> tuple[str, ...]:
    """Reads tags from a line of words separated by commas."""
    return tuple(dict.fromkeys(tag.strip() for tag in text.split(",") if tag.strip()))


def backbone_name(reference: str) -> str:
    """Returns the name of a backbone without its owner or folder: "SmolLM2-135M" for "HuggingFaceTB/SmolLM2-135M"."""
    return reference.rstrip("/").rpartition("/")[2]
