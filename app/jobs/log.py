"""Lines that the processes of a run write into its log, which is their standard output."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime


def log_line(text: str) -> None:
    """Writes one line with the time in UTC, "2026-05-01T12:00:09Z ...".

    A log that cannot be written (a full disk) does not end the run.
    """
    with suppress(OSError):
        print(f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ} {text}", flush=True)
