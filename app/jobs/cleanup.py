"""Frees the disk space of what no run needs any more."""

from __future__ import annotations

from datetime import timedelta

from storage.artifacts import ArtifactStore
from storage.home import Home
from storage.jobs import JobStore
from storage.uploads import UploadStore

WAY_BACK = timedelta(days=1)
"""How long a deleted run can be brought back."""


def sweep(store: JobStore, home: Home, artifacts: ArtifactStore, uploads: UploadStore) -> None:
    """Frees the files of runs that were deleted a day ago, and whatever lies there that nothing refers to."""
    for job in store.expired(WAY_BACK):
        if store.purge(job.id):
            artifacts.remove(job.id)
            home.forget(job.id)
    known = store.ids()
    artifacts.sweep(known)
    uploads.sweep()
    home.sweep(known)
