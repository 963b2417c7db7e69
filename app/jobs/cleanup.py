"""Frees the disk space of deleted runs and of unused files."""

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
"""Time during which a deleted run can be restored."""
SWEEPS = 24
"""Number of sweeps (one an hour) that must find a run deleted before it is purged.

A clock that is set forward shortens the day above, but not this number.
"""


def sweep(store: JobStore, home: Home, artifacts: ArtifactStore, uploads: UploadStore) -> None:
    """Purges runs that were deleted a day ago with their files, and every file that no run or upload refers to."""
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
    """Returns for each deletion how many sweeps have found it, including this one. The counts are kept in a file."""
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
    """Identifies this deletion of a run; a later one, after the run was restored, has another name."""
    return f"{job.id} {job.deleted_at}"
