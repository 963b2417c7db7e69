"""Frees the disk space of deleted runs and of files that nothing refers to."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

from lamp.files import written_whole
from storage.artifacts import ArtifactStore
from storage.home import Home
from storage.jobs import Job, JobStore
from storage.uploads import UploadStore

RESTORABLE = timedelta(days=1)
"""How long a deleted run can be brought back."""
SWEEPS = 24
"""How many sweeps, of which there is one an hour, must find a run deleted before it is purged: a clock that was set
forward makes the day shorter, but not the number of sweeps smaller."""


def sweep(store: JobStore, home: Home, artifacts: ArtifactStore, uploads: UploadStore) -> None:
    """Removes runs that were deleted a day ago with their files, and every file that no run or upload refers to."""
    sweeps = _count_sweeps(home.root / "deleted.json", store.expired(timedelta(0)))
    before = store.ids()
    for job in store.expired(RESTORABLE):
        if sweeps.get(_deletion(job), 0) >= SWEEPS:
            store.purge(job.id)
    known = store.ids()
    for id in before - known:  # comparisons go with their runs
        artifacts.remove(id)
        home.forget(id)
    artifacts.sweep(known)
    uploads.sweep()
    home.sweep(known)


def _count_sweeps(file: Path, deleted: Sequence[Job]) -> dict[str, int]:
    """Deletion → how many sweeps have found it, this one included. The counts are kept in a file over restarts."""
    try:
        before = json.loads(file.read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        before = {}
    counts = {key: int(before.get(key, 0)) + 1 for key in map(_deletion, deleted)}
    if counts != before:
        with written_whole(file) as staged:
            staged.write_text(json.dumps(counts), encoding="utf-8")
    return counts


def _deletion(job: Job) -> str:
    """Tells this deletion of a run from one before it was restored."""
    return f"{job.id} {job.deleted_at}"
