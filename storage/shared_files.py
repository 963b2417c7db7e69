"""A server's home, artifacts and uploads where a store has them all: fetched at first use, stored when written."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from storage.artifacts import ArtifactStore
from storage.database import Database
from storage.errors import NotStored, StoreUnavailable
from storage.home import Home
from storage.object_store import Gone, ObjectStore, Version, sha256_of
from storage.owners import EVERYONE, Owner
from storage.run_files import ANSWERS, ARTIFACTS, CHECKPOINTS, LOGS, RunFiles
from storage.uploads import UploadStore

_FRESH_SECONDS = 2.0
"""How long what was read of the store counts: the page of a live run asks as often as once a second."""

Course = Callable[[str], object]
"""Run → what is another once one of its workers has ended: then its files are other ones too."""


class _Shared:
    """The store, and what the server has of it."""

    def __init__(self, store: ObjectStore, root: Path, course: Course) -> None:
        self.store, self._root, self._course = store, root, course
        self._runs: dict[str, RunFiles] = {}
        self._courses: dict[str, object] = {}
        """What the course of each run was before its files were last listed."""
        self._lock = threading.Lock()

    def of(self, id: str) -> RunFiles:
        """The files of a run."""
        with self._lock:
            return self._runs.setdefault(id, RunFiles(self.store, self._root, id))

    def pull(self, id: str, part: str) -> None:
        """Brings one part of a run's files up to date."""
        course = self._course(id)
        self.of(id).pull({part}, _FRESH_SECONDS if self._courses.get(id) == course else 0.0)
        self._courses[id] = course

    def remove(self, kind: str, name: str) -> None:
        """Removes a group, which nothing refers to any more; where the store does not answer, `remove_rest` does."""
        note = self._root / "removing" / f"{kind}.{name}"
        note.parent.mkdir(exist_ok=True)
        note.touch()
        with suppress(StoreUnavailable):
            self.store.remove_group(f"{kind}/{name}")
            note.unlink(missing_ok=True)
        with self._lock:
            self._runs.pop(name, None)
            self._courses.pop(name, None)

    def remove_rest(self, kind: str, wanted: frozenset[str] = frozenset()) -> None:
        """Tries `remove` again where it did not succeed. wanted: what was added again meanwhile.

        A store is never searched for what nothing refers to: with a wrong database that would be everything.
        """
        for note in (self._root / "removing").glob(f"{kind}.*"):
            name = note.name.partition(".")[2]
            if name in wanted:
                note.unlink(missing_ok=True)
            else:
                self.remove(kind, name)


@dataclass(frozen=True)
class SharedHome(Home):
    """Each path of a run's file is given once the file is as it is in the store. Raises StoreUnavailable, Damaged."""

    shared: _Shared = field(compare=False)

    def log(self, job_id: str) -> Path:
        self.shared.pull(job_id, LOGS)
        return super().log(job_id)

    def answers(self, job_id: str) -> Path:
        self.shared.pull(job_id, ANSWERS)
        return super().answers(job_id)

    def inspection(self, job_id: str) -> Path:
        self.shared.pull(job_id, ANSWERS)
        return super().inspection(job_id)

    def samples(self, job_id: str) -> Path:
        self.shared.pull(job_id, ANSWERS)
        return super().samples(job_id)

    def token_weights(self, job_id: str) -> Path:
        self.shared.pull(job_id, ANSWERS)
        return super().token_weights(job_id)

    def other_ways(self, job_id: str) -> Path:
        self.shared.pull(job_id, ANSWERS)
        return super().other_ways(job_id)

    def copy_checkpoints(self, source: str, target: str) -> None:
        self.shared.of(source).pull({CHECKPOINTS})
        super().copy_checkpoints(source, target)
        self.shared.of(target).push({CHECKPOINTS})

    def keep(self, job_id: str) -> None:
        self.shared.of(job_id).push({ANSWERS})

    def forget(self, job_id: str) -> None:
        Home(self.root).forget(job_id)
        self.shared.remove("runs", job_id)

    def sweep(self, jobs: frozenset[str]) -> int:
        self.shared.remove_rest("runs")
        return super().sweep(jobs)


class SharedArtifacts(ArtifactStore):
    """Artifacts that are published in the store, and fetched from there."""

    def __init__(self, root: Path, shared: _Shared) -> None:
        super().__init__(root)
        self._shared = shared

    @contextmanager
    def stage(self, job_id: str) -> Iterator[Path]:
        self._shared.pull(job_id, ARTIFACTS)
        with super().stage(job_id) as staged:
            yield staged
        self._shared.of(job_id).push({ARTIFACTS})

    def path(self, job_id: str) -> Path:
        self._shared.pull(job_id, ARTIFACTS)
        return super().path(job_id)


class SharedUploads(UploadStore):
    """Uploads that are in the store before a row refers to them, each with its tables in the group of its hash."""

    def __init__(self, database: Database, root: Path, owner: Owner, shared: _Shared) -> None:
        super().__init__(database, root, owner)
        self._shared, self._files = shared, shared.store
        self._known: frozenset[str] = frozenset()
        self._known_at = float("-inf")

    def check(self, reference: str) -> None:
        sha256 = self.get(reference).reference.removeprefix("upload:")
        if not (self.root / sha256).is_file() and sha256 not in self._groups():
            raise NotStored(f"There is no uploaded file {reference[:80]!r}: upload it again.")

    def sweep(self) -> int:
        listed = frozenset(upload.reference.removeprefix("upload:") for upload in self.list())
        self._shared.remove_rest("uploads", listed)
        return super().sweep()

    def _added(self, path: Path) -> None:
        put_upload(self._files, path)

    def _is_here(self, path: Path) -> bool:
        return path.is_file() or fetch_upload(self._files, path)

    def _remove_files(self, sha256: str) -> None:
        super()._remove_files(sha256)
        self._shared.remove("uploads", sha256)

    def _groups(self) -> frozenset[str]:
        """The hashes of all files in the store, as they were a moment ago: a list of uploads asks for each of them."""
        if time.monotonic() - self._known_at >= _FRESH_SECONDS:
            self._known, self._known_at = frozenset(self._files.groups("uploads")), time.monotonic()
        return self._known


def fetch_upload(store: ObjectStore, path: Path) -> bool:
    """Brings a file of an upload, or its table, to its path; False where the store does not have it."""
    while versions := store.versions(_group(path)).get(path.name):
        with suppress(Gone):  # it was written anew after it was listed
            store.fetch(_group(path), path.name, versions[-1], path)
            return True
    return False


def put_upload(store: ObjectStore, path: Path) -> None:
    """Stores a file of an upload, or its table, unless the store has it already."""
    group, digest = _group(path), sha256_of(path)
    former = store.versions(group).get(path.name, ())
    if former and former[-1].digest == digest:
        return
    number = 1 + max((version.number for version in former), default=0)
    store.put(group, path.name, path, Version(0, number, digest, is_folder=False))
    with suppress(StoreUnavailable):
        store.remove(group, path.name, former)


def _group(path: Path) -> str:
    """Of an upload's file or table, whose name begins with the hash of the file."""
    return f"uploads/{path.name.partition('.')[0]}"


@dataclass(frozen=True)
class Files:
    """All files of a studio."""

    home: Home
    artifacts: ArtifactStore
    shared: _Shared | None = None

    def uploads(self, database: Database, owner: Owner = EVERYONE) -> UploadStore:
        """The uploads of one person."""
        if self.shared is None:
            return UploadStore(database, self.home.uploads, owner)
        return SharedUploads(database, self.home.uploads, owner, self.shared)


def open_files(root: Path, address: str, course: Course = lambda id: None) -> Files:
    """The files under STUDIO_HOME alone, or with an address in a store, of which STUDIO_HOME then has copies.

    course: for whoever shows runs; without it the files of a run that has just ended may be those of a moment ago.
    """
    if not address:
        home = Home(root)
        return Files(home, ArtifactStore(home.artifacts))
    shared = _Shared(ObjectStore(address), root, course)
    home = SharedHome(root, shared)
    return Files(home, SharedArtifacts(home.artifacts, shared), shared)
