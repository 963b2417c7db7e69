"""Lines that the processes of a run write into its log, which is their standard output."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime

from lamp.plain_line import visible


def log_line(text: str) -> None:
    """Writes one line with the time in UTC, "2026-05-01T12:00:09Z ...".

    Control characters are written out: a cell or a chat template that is quoted can begin no line of its own and
    command no terminal. A log that cannot be written (a full disk) does not end the run.
    """
    with suppress(OSError):
        print(f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ} {visible(text)}", flush=True)


def quote_line(text: str) -> None:
    """Writes one line that another log has, as it is there."""
    with suppress(OSError):
        print(visible(text), flush=True)


def log_lines(text: str) -> None:
    """Writes a text of several lines, such as a traceback, each marked as a part of it."""
    for line in text.splitlines():
        log_line(f"| {line}")
