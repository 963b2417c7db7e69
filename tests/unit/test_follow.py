"""Work that tells of itself is followed to its end, whichever that is."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from app.ui.streaming import follow


def test_what_is_told_comes_before_the_result_and_the_result_is_final() -> None:
    def work(tell: Callable[[str], None]) -> str:
        for part in ("a", "ab", "abc"):
            tell(part)
            time.sleep(0.05)
        return "abcd"

    found = list(follow(work, seconds=0.01))
    assert [value for value, _ in found] == ["a", "ab", "abc", "abcd"]
    assert [final for _, final in found] == [False, False, False, True]


def test_of_a_flood_only_the_latest_is_passed_on() -> None:
    def work(tell: Callable[[int], None]) -> int:
        until = time.monotonic() + 0.3
        count = 0
        while time.monotonic() < until:
            tell(count := count + 1)
            time.sleep(0.001)
        return count

    found = [value for value, _ in follow(work)]
    assert len(found) <= 5
    assert found == sorted(found)


def test_a_failure_is_raised_to_whoever_follows() -> None:
    def work(tell: Callable[[str], None]) -> str:
        tell("a")
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        list(follow(work))
