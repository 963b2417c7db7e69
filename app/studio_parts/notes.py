"""The part of Studio that is about what is written of a run: its name, note and tags, and its log."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from app import limits
from app.disk_full import full_disk_told
from app.prompts.bundle import copy_log
from app.views.run_view import FOUND_LINES
from lamp.errors import ConfigError
from lamp.plain_line import visible
from storage.home import Home
from storage.jobs import Job, JobStore
from storage.logs import find


class StudioNotes:
    """Names, notes and tags are people's, the log is the worker's."""

    _home: Home
    _store: JobStore

    def rename(self, id: str, name: str) -> Job:
        """Gives a run another name."""
        name = limits.run_name(name)
        if not name:
            raise ConfigError(["Give the run a name: it cannot be empty."])
        return self._store.rename(id, name)

    def annotate(self, id: str, note: str, tags: Sequence[str]) -> Job:
        """Sets a run's note and tags."""
        return self._store.annotate(id, limits.note(note), limits.tags(tags))

    def add_tags(self, id: str, tags: Sequence[str]) -> Job:
        """Adds tags to those that a run has. Raises ConfigError."""
        added = limits.tags(tags)
        limits.tags(sorted({*self._store.get(id).tags, *added}))
        return self._store.add_tags(id, added)

    def search_log(self, id: str, words: str) -> str:
        """The last lines of a run's whole log in which all of these words occur. Raises JobNotFound."""
        found = find(self._home.log(self._store.get(id).id), limits.search(words).split(), FOUND_LINES)
        return "\n".join(map(visible, found))

    def log_file(self, id: str) -> Path:
        """A copy of a run's whole log as it is now, named after the run. Raises JobNotFound."""
        job = self._store.get(id)
        with full_disk_told("the log cannot be downloaded"):
            return copy_log(self._home.log(job.id), self._home.root / "exports" / job.id, job.name)
