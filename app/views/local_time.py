"""Shows the times of a run in the reader's time zone."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime, tzinfo
from zoneinfo import ZoneInfo

from app.views.run_view import RunView

_STAMP = re.compile(r"^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)Z", re.MULTILINE)
"""The time at the beginning of a line of a log (app.jobs.log)."""


def zone_of(name: object) -> tzinfo:
    """Returns the time zone with a name of the IANA database, as a browser gives it; UTC for anything else.

    A name, not today's offset from UTC, which is another one in half of the year.
    """
    try:
        return ZoneInfo(str(name))
    except (ValueError, KeyError, OSError):
        return UTC


def in_zone(view: RunView, zone: tzinfo) -> RunView:
    """Returns the view with the times of its log in a time zone, and with `now`, from which pages take the zone of all
    others."""
    now = view.now.astimezone(zone)
    return replace(view, now=now, log=local_log(view.log, now), found_log=local_log(view.found_log, now))


def local_log(log: str, now: datetime) -> str:
    """Returns a log with its times in the time zone of `now`, with the day if it is another one."""

    def local(stamp: re.Match[str]) -> str:
        at = datetime.fromisoformat(stamp[1]).replace(tzinfo=UTC).astimezone(now.tzinfo)
        return f"{at:%H:%M:%S}" if at.date() == now.date() else f"{at:%d %b %H:%M:%S}"

    return _STAMP.sub(local, log)
