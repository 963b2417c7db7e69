"""Stores of files for tests, and how they fail."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from storage.object_store import ObjectStore, Version, sha256_of


def objects_in(store: ObjectStore) -> list[str]:
    """The paths of all objects, below the store's address."""
    return sorted(str(path).removeprefix(f"{store._root}/") for path in store._fs.find(f"{store._root}/"))


def put(store: ObjectStore, group: str, item: str, content: Path, number: int = 1, *, is_zip: bool = False) -> Version:
    """Stores a file, or the zip of a folder. Returns its version."""
    version = Version(0, number, sha256_of(content), is_zip)
    store.put(group, item, content, version)
    return version


@contextmanager
def failing(store: ObjectStore, fails: Callable[[str], bool] = lambda path: True) -> Iterator[list[str]]:
    """The file system of a store fails meanwhile, an upload of it in the middle of the file.

    fails: whether it does for an object's path. Yields the paths at which it has failed.
    """
    files, failed = type(store._fs), []  # the class: each thread has a file system of its own

    def failing_at(name: str, place: int) -> Callable[..., Any]:
        original = getattr(files, name)

        def call(self: Any, *arguments: Any, **options: Any) -> Any:
            path = str(arguments[place])
            if not path.startswith(store._root) or not fails(path):
                return original(self, *arguments, **options)
            failed.append(path)
            if name == "put_file" and getattr(self, "local_file", False):  # elsewhere nothing is seen of half an upload
                self.makedirs(self._parent(path), exist_ok=True)
                self.pipe_file(path, Path(arguments[0]).read_bytes()[:3])
            raise ConnectionError("The store is away")

        return call

    with pytest.MonkeyPatch.context() as patch:
        for name, place in {"put_file": 1, "get_file": 0, "find": 0, "ls": 0, "rm_file": 0}.items():
            patch.setattr(files, name, failing_at(name, place))
        yield failed
