"""The updates of a function that runs in a thread, and then its result or its error."""

from __future__ import annotations

import time
from collections.abc import Callable
from threading import Event

import pytest

from app.ui.streaming import NobodyListens, stream


def test_updates_come_before_the_result_and_only_the_result_is_final() -> None:
    def work(send: Callable[[str], None]) -> str:
        for part in ("a", "ab", "abc"):
            send(part)
            time.sleep(0.05)
        return "abcd"

    yielded = list(stream(work, seconds=0.01))
    assert [value for value, _ in yielded] == ["a", "ab", "abc", "abcd"]
    assert [final for _, final in yielded] == [False, False, False, True]


def test_of_many_updates_at_once_only_the_latest_is_yielded() -> None:
    def work(send: Callable[[int], None]) -> int:
        until = time.monotonic() + 0.3
        count = 0
        while time.monotonic() < until:
            send(count := count + 1)
            time.sleep(0.001)
        return count

    yielded = [value for value, _ in stream(work)]
    assert len(yielded) <= 5
    assert yielded == sorted(yielded)


def test_what_the_function_raises_is_raised_to_its_caller() -> None:
    def work(send: Callable[[str], None]) -> str:
        send("a")
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        list(stream(work))


def test_work_whose_reader_is_gone_ends_with_its_next_update() -> None:
    ended = Event()

    def work(send: Callable[[str], None]) -> str:
        try:
            while True:
                send("more")
                time.sleep(0.01)
        except NobodyListens:
            ended.set()
            raise

    updates = stream(work, seconds=0.01)
    assert next(updates) == ("more", False)
    updates.close()  # type: ignore[attr-defined]  # a generator, as every page's handler is
    assert ended.wait(60)
