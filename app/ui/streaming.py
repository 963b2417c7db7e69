"""Work that tells of itself while it goes on, as the generator that a page's handler is."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextvars import copy_context
from queue import Empty, SimpleQueue
from threading import Thread
from typing import TypeVar

_Value = TypeVar("_Value")


def follow(work: Callable[[Callable[[_Value], None]], _Value], seconds: float = 0.1) -> Iterator[tuple[_Value, bool]]:
    """Runs `work` in a thread of its own and yields what it tells, then what it returns: (value, whether it is final).

    Of what was told within the same tenth of a second only the last is passed on. What `work` raises is raised here.
    """
    told: SimpleQueue[_Value] = SimpleQueue()
    ended: list[_Value] = []
    failed: list[BaseException] = []

    def run() -> None:
        try:
            ended.append(work(told.put))
        except BaseException as error:  # whatever it is, it belongs to the page that asked
            failed.append(error)

    thread = Thread(target=copy_context().run, args=(run,), daemon=True)
    thread.start()
    while thread.is_alive():
        thread.join(seconds)
        latest = _latest(told)
        if latest and thread.is_alive():
            yield latest[-1], False
    if failed:
        raise failed[0]
    yield ended[0], True


def _latest(told: SimpleQueue[_Value]) -> list[_Value]:
    found: list[_Value] = []
    try:
        while True:
            found = [told.get_nowait()]
    except Empty:
        return found
