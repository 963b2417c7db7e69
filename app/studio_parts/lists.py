"""The part of Studio that is about lists of runs."""

from __future__ import annotations

from collections.abc import Collection

from app import limits
from storage.jobs import Job, JobState, JobStore
from storage.listing import Order


class StudioLists:
    """Runs found by their state and by words, in an order."""

    _store: JobStore

    def jobs(
        self, limit: int = 100, offset: int = 0, states: Collection[JobState] | None = None, text: str = ""
    ) -> list[Job]:
        """Runs, newest first. states: only runs in one of these; text: only runs in which these words occur."""
        limit, offset = limits.page(limit, offset)
        return self._store.list(limit, offset, states, text=limits.search(text))

    def listed(
        self,
        limit: int,
        states: Collection[JobState] | None = None,
        text: str = "",
        *,
        deleted: bool = False,
        order: Order = "date",
        reverse: bool = False,
    ) -> list[tuple[Job, Job | None]]:
        """Runs in an order, or turned round, each with the run that its recipe is compared with.

        states, text: as in `jobs`; deleted: the deleted runs that can still be brought back, instead of the others.
        """
        limit, text = limits.page(limit, 0)[0], limits.search(text)
        return self._store.listed(limit, states, text=text, deleted=deleted, order=order, reverse=reverse)

    def prompts(self) -> list[Job]:
        """Runs whose prompt another run may start from, newest first."""
        return [job for job in self.jobs() if job.artifact]

    def ended_since(self, event: int | None) -> tuple[int, list[Job]]:
        """The number of the newest event, and the runs that ended after the event of that number; none after None."""
        return self._store.ended_since(event)
