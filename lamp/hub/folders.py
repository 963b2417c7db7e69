"""Folders that people name, whatever they write."""

from __future__ import annotations

from pathlib import Path


def named_path(reference: str) -> Path:
    """The path that a text names; ~ is replaced where there is such a home folder."""
    try:
        return Path(reference).expanduser()
    except RuntimeError:  # a home of nobody
        return Path(reference)


def is_folder(reference: str) -> bool:
    """Whether a text names a folder that is there and may be looked at."""
    try:
        return bool(reference) and named_path(reference).is_dir()
    except OSError:  # too long for a name, or not permitted
        return False
