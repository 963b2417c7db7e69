"""A wall clock that someone sets back while a worker runs."""

from __future__ import annotations

import os
import time
from datetime import UTC, datetime, timedelta

import storage.job_rows
import storage.lifecycle


def apply() -> None:
    """In a worker with CLOCK_SET_BACK_AFTER=seconds: from then on every wall-clock time is an hour earlier."""
    after = float(os.environ.get("CLOCK_SET_BACK_AFTER", "inf"))
    began = time.monotonic()

    def now() -> datetime:
        back = timedelta(hours=1) if time.monotonic() - began > after else timedelta(0)
        return datetime.now(UTC) - back

    for module in (storage.lifecycle, storage.job_rows):
        setattr(module, "utc_now", now)  # noqa: B010
