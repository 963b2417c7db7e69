"""Stores of files for tests, and how they fail."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from storage.object_store import ObjectStore


def objects_in(store: ObjectStore) -> list[str]:
    """The paths of all objects, below the store's address."""
    return sorted(str(path).removeprefix(f"{store._root}/") for path in store._fs.find(f"{store._root}/"))


@contextmanager
def failing(store: ObjectStore, fails: Callable[[str], bool] = lambda path: True) -> Iterator[list[str]]:
    """The file system of a store fails meanwhile, an upload of it in the middle of the file.

    fails: whether it does for an object's path. Yields the paths at which it has failed.
    """
    files, failed = store._fs, []

    def failing_at(name: str, place: int) -> Callable[..., Any]:
        original = getattr(files, name)

        def call(*arguments: Any, **options: Any) -> Any:
            path = str(arguments[place])
            if not fails(path):
                return original(*arguments, **options)
            failed.append(path)
            if name == "put_file" and getattr(files, "local_file", False):
                with open(arguments[0], "rb") as content:  # noqa: PTH123
                    files.pipe_file(path, content.read()[:3])
            raise ConnectionError("The store is away")

        return call

    with pytest.MonkeyPatch.context() as patch:
        for name, place in {"put_file": 1, "get_file": 0, "find": 0, "ls": 0, "rm_file": 0}.items():
            patch.setattr(files, name, failing_at(name, place))
        yield failed
