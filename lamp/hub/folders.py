"""Interprets what people write as a folder."""

from __future__ import annotations

from pathlib import Path


def named_path(reference: str) -> Path:
    """Returns the path that a text names; replaces ~ if there is such a home folder."""
    try:
        return Path(reference).expanduser()
    except RuntimeError:  # a home of nobody
        return Path(reference)


def is_folder(reference: str) -> bool:
    """Returns whether a text names an existing folder that may be read."""
    try:
        return bool(reference) and named_path(reference).is_dir()
    except OSError:  # too long for a name, or not permitted
        return False
