"""The files of one run: what the store has is brought to this machine, and what is new on this machine is stored."""

from __future__ import annotations

import logging
import os
import re
import secrets
import shutil
import threading
import time
from collections.abc import Collection, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from storage.errors import StoreUnavailable
from storage.files import STAGED, remove, safe_name
from storage.object_store import Damaged, Gone, ObjectStore, Version, pack, sha256_of

_log = logging.getLogger(__name__)
ANSWERS, ARTIFACTS, CHECKPOINTS, LOGS = PARTS = ("answers", "artifacts", "checkpoints", "logs")
"""The folders of STUDIO_HOME that runs have files in."""
_JOURNAL = "journal.jsonl"
_TRIES = 3
_AWAY_SECONDS = 1.5
"""How long a store that did not answer is not asked again: who waited for the answer meanwhile is told at once."""

_State = tuple[int, int, int]
"""Tells one content of a file or folder from the next."""


@dataclass(frozen=True)
class _Here:
    """An item as it was when this machine and the store had the same of it."""

    version: Version
    state: _State


class RunFiles:
    """Items of the group "runs/<id>". Only the newest artifact is one of them: a former one is needed by nobody."""

    def __init__(self, store: ObjectStore, root: Path, id: str, attempt: int | None = None) -> None:
        """root: STUDIO_HOME; attempt: at which the run is written; None for the newest that the store has."""
        self._store, self._root, self._id, self._attempt = store, root, safe_name(id), attempt
        self._group = f"runs/{id}"
        self._item = re.compile(
            rf"(answers|artifacts|logs)/{id}[.][a-z0-9.]+|checkpoints/{id}/(run|journal)[.]jsonl?|checkpoints/{id}/step-\d+"
        )
        self._stored: dict[str, list[Version]] = {}
        self._old: dict[str, list[Version]] = {}
        """Versions that may be in the store and are not valid any more."""
        self._numbers: dict[str, int] = {}
        """The last number with which each item was sent, whether or not it arrived."""
        self._here: dict[str, _Here] = {}
        self._listed_at = float("-inf")
        self._failure, self._failed_at = "", float("-inf")
        self._lock = threading.Lock()

    def pull(self, parts: Collection[str] = PARTS, max_age: float = 0.0) -> None:
        """Brings what the store has to this machine, and removes what it has no longer.

        max_age: seconds for which what was read of the store counts. A damaged checkpoint is left out, as there is an
        earlier one. Raises StoreUnavailable, Damaged, OSError.
        """
        with self._lock:
            for _ in range(_TRIES):
                try:
                    self._list(max_age)
                    self._pull(parts)
                    return
                except Gone:  # it was written anew after it was listed
                    max_age = 0.0
            raise StoreUnavailable("The run's files change faster than they can be read: try again in a moment.")

    def push(self, parts: Collection[str] = PARTS, *, removes: bool = True) -> None:
        """Stores what is new or gone here since the last time. Raises StoreUnavailable, OSError.

        removes: whether what is gone here is removed from the store; only for files that nobody else clears away here.
        Curves are stored before the checkpoint that they lead to, so that a checkpoint is never ahead of them.
        """
        with self._lock:
            if self._listed_at == float("-inf"):
                self._list(0)
            items = {item: path for item, path in self._items() if item.partition("/")[0] in parts}
            changed = [item for item, path in sorted(items.items()) if self._is_new(item, path)]
            if not any("/step-" in item for item in changed):  # the journal alone is of no use elsewhere
                changed = [item for item in changed if not item.endswith(_JOURNAL)]
            for item in changed:
                self._put(item, items[item])
            gone = [item for item in self._here if item.partition("/")[0] in parts and item not in items]
            for item in gone if removes else ():
                valid = self._here[item].version  # goes last: else a former one would be valid meanwhile
                former = [version for version in self._stored.get(item, ()) if version < valid]
                self._store.remove(self._group, item, [*self._old.get(item, ()), *former, valid])
                for known in (self._here, self._stored, self._old):
                    known.pop(item, None)
            self._remove_old()

    def last_steps(self) -> tuple[int, int]:
        """The step of the newest checkpoint on this machine and in the store; -1 where there is none."""
        with self._lock:
            self._list(0)
            here = [_step(item) for item, _ in self._items()]
            return max(here, default=-1), max(map(_step, self._stored), default=-1)

    def remove(self) -> None:
        """Removes all of them from the store."""
        with self._lock:
            self._store.remove_group(self._group)
            self._stored, self._here = {}, {}

    def _list(self, max_age: float) -> None:
        if time.monotonic() - self._listed_at >= max_age:
            if time.monotonic() - self._failed_at < _AWAY_SECONDS:
                raise StoreUnavailable(self._failure)
            try:
                found = self._store.versions(self._group)
            except StoreUnavailable as error:
                self._failure, self._failed_at = str(error), time.monotonic()
                raise
            newest = max((item for item in found if item.startswith(f"{ARTIFACTS}/")), key=_number, default=None)
            self._stored = {
                item: list(versions)
                for item, versions in found.items()
                if self._item.fullmatch(item) and (not item.startswith(f"{ARTIFACTS}/") or item == newest)
            }
            self._listed_at = time.monotonic()

    def _pull(self, parts: Collection[str]) -> None:
        for item, versions in sorted(self._stored.items()):
            if item.partition("/")[0] in parts:
                self._fetch(item, versions[-1])
        for item in [item for item in self._here if item.partition("/")[0] in parts and item not in self._stored]:
            remove(self._root / item)
            del self._here[item]

    def _fetch(self, item: str, version: Version) -> None:
        path, here = self._root / item, self._here.get(item)
        if here is not None and here.version == version and path.exists():
            return
        if path.exists() and self._digest(path) == version.digest:
            for used in (path, path.parent):  # today, so that no sweep takes it
                os.utime(used)
        else:
            try:
                self._store.fetch(self._group, item, version, path)
            except Damaged as error:
                if not item.startswith(f"{CHECKPOINTS}/"):
                    raise
                _log.warning("%s", error)
                return
        self._here[item] = _Here(version, _state(path))

    def _put(self, item: str, path: Path) -> None:
        """Stores a copy, because the file may be written meanwhile; one that is changed or removed waits its turn."""
        copy = path.with_name(f"{STAGED}{secrets.token_hex(8)}")
        try:
            state = _state(path)
            if is_folder := path.is_dir():
                pack(path, copy)
                if _state(path) != state:
                    return
            else:
                shutil.copyfile(path, copy)
            version = self._send(item, copy, is_folder)
        except FileNotFoundError:
            return
        finally:
            remove(copy)
        self._here[item] = _Here(version, state)

    def _send(self, item: str, content: Path, is_folder: bool) -> Version:
        """Stores a content, unless this attempt has just this one in the store. Returns its version."""
        known, attempt, digest = self._stored.get(item, []), self._attempt_now(), sha256_of(content)
        if known and (known[-1].attempt, known[-1].digest) == (attempt, digest):
            return known[-1]
        numbers = [version.number for version in known if version.attempt == attempt]
        self._numbers[item] = 1 + max(self._numbers.get(item, 0), *numbers, 0)
        version, old = Version(attempt, self._numbers[item], digest, is_folder), self._old.setdefault(item, [])
        try:
            self._store.put(self._group, item, content, version)
        except StoreUnavailable:
            old.append(version)  # it may arrive all the same
            raise
        old += [former for former in known if former < version]
        self._stored[item] = [version, *(later for later in known if later > version)]
        return version

    def _remove_old(self) -> None:
        """Removes what is not valid any more; where the store does not answer, the next push tries it again."""
        with suppress(StoreUnavailable):
            for item, old in list(self._old.items()):
                valid = self._stored.get(item, [])[-1:]  # perhaps one that arrived although an error was told
                self._store.remove(self._group, item, [version for version in old if version not in valid])
                del self._old[item]

    def _digest(self, path: Path) -> str:
        """Of a file, or of a folder as it is stored."""
        if not path.is_dir():
            return sha256_of(path)
        packed = path.with_name(f"{STAGED}{secrets.token_hex(8)}")
        try:
            pack(path, packed)
            return sha256_of(packed)
        finally:
            remove(packed)

    def _items(self) -> Iterator[tuple[str, Path]]:
        """The files and folders of the run on this machine."""
        for part in (ANSWERS, LOGS):
            for path in (self._root / part).glob(f"{self._id}.*"):
                yield f"{part}/{path.name}", path
        artifacts = [f"{ARTIFACTS}/{path.name}" for path in (self._root / ARTIFACTS).glob(f"{self._id}.*")]
        if newest := max(artifacts, key=_number, default=None):
            yield newest, self._root / newest
        for path in (self._root / CHECKPOINTS / self._id).glob("*"):
            item = f"{CHECKPOINTS}/{self._id}/{path.name}"
            if self._item.fullmatch(item):
                yield item, path

    def _is_new(self, item: str, path: Path) -> bool:
        here = self._here.get(item)
        try:
            return here is None or here.state != _state(path)
        except FileNotFoundError:
            return False

    def _attempt_now(self) -> int:
        if self._attempt is not None:
            return self._attempt
        return max((version.attempt for versions in self._stored.values() for version in versions), default=0)


def _number(item: str) -> int:
    """Of an artifact "artifacts/<run>.<number>"."""
    number = item.rpartition(".")[2]
    return int(number) if number.isdecimal() else 0


def _step(item: str) -> int:
    """Of a checkpoint "checkpoints/<run>/step-<number>"; -1 for other items."""
    number = item.rpartition("/step-")[2]
    return int(number) if number.isdecimal() else -1


def _state(path: Path) -> _State:
    found = path.stat()
    return found.st_ino, found.st_mtime_ns, found.st_size
