"""Frees the disk space of deleted runs and of files that nothing refers to."""

from __future__ import annotations

from datetime import timedelta

from storage.artifacts import ArtifactStore
from storage.home import Home
from storage.jobs import JobStore
from storage.uploads import UploadStore

RESTORABLE = timedelta(days=1)
"""How long a deleted run can be brought back."""


def sweep(store: JobStore, home: Home, artifacts: ArtifactStore, uploads: UploadStore) -> None:
    """Removes runs that were deleted a day ago with their files, and every file that no run or upload refers to."""
    for job in store.expired(RESTORABLE):
        if store.purge(job.id):
            artifacts.remove(job.id)
            home.forget(job.id)
    known = store.ids()
    artifacts.sweep(known)
    uploads.sweep()
    home.sweep(known)
