"""Runs a function in a thread and yields its progress updates, then its result."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextvars import copy_context
from queue import Empty, SimpleQueue
from threading import Event, Thread
from typing import TypeVar

_Value = TypeVar("_Value")


class NobodyListens(Exception):
    """Raised where work sends an update whose reader is gone, so that it ends."""


def stream(work: Callable[[Callable[[_Value], None]], _Value], seconds: float = 0.1) -> Iterator[tuple[_Value, bool]]:
    """Yields (value, is final) for the updates that `work` sends and then for what it returns.

    work: called in a thread of its own with the function that sends an update; what it raises is raised here. That
    function raises NobodyListens once this generator is closed, as it is when the page goes away.
    seconds: of the updates within this time only the last one is yielded.
    """
    updates: SimpleQueue[_Value] = SimpleQueue()
    results: list[_Value] = []
    failures: list[BaseException] = []
    closed = Event()

    def send(update: _Value) -> None:
        if closed.is_set():
            raise NobodyListens
        updates.put(update)

    def run() -> None:
        try:
            results.append(work(send))
        except BaseException as error:  # of any kind: it is raised again in the thread of the page's handler
            failures.append(error)

    thread = Thread(target=copy_context().run, args=(run,), daemon=True)
    thread.start()
    try:
        while thread.is_alive():
            thread.join(seconds)
            latest = _latest(updates)
            if latest and thread.is_alive():
                yield latest[-1], False
    finally:
        closed.set()
    if failures:
        raise failures[0]
    yield results[0], True


def _latest(updates: SimpleQueue[_Value]) -> list[_Value]:
    """Empties the queue; the last value in it, or an empty list."""
    latest: list[_Value] = []
    try:
        while True:
            latest = [updates.get_nowait()]
    except Empty:
        return latest
