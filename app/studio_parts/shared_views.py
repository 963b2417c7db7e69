"""The views of live runs, each made once for all who look at the run at the same moment."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field

from app.views.run_view import RunView
from storage.jobs import Job

_SECONDS = 1.0
"""How long a view is shown; a worker reports once a second."""
_MOST_RUNS = 64


@dataclass
class _Seen:
    """The last view of one run."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    job: Job | None = None
    made: float = 0.0
    view: RunView | None = None


class SharedViews:
    """Makes a view at most once a second, unless the run's record has changed since."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._runs: OrderedDict[str, _Seen] = OrderedDict()

    def view(self, job: Job, make: Callable[[], RunView]) -> RunView:
        """The view of `job` as it is now: one that was made for somebody else, or that `make` makes."""
        with self._lock:
            seen = self._runs.setdefault(job.id, _Seen())
            self._runs.move_to_end(job.id)
            if len(self._runs) > _MOST_RUNS:
                self._runs.popitem(last=False)
        with seen.lock:  # the others wait for the first, instead of making the same
            if seen.view is None or seen.job != job or time.monotonic() - seen.made > _SECONDS:
                seen.view, seen.job, seen.made = make(), job, time.monotonic()
            return seen.view
