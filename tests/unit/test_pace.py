"""How often pages ask for news of a live run."""

from __future__ import annotations

import pytest

from app.ui.runs.pace import SHORTEST, Pace


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def watched(pages: int, minutes: float = 3) -> tuple[Pace, Clock, float]:
    """A pace after so many pages were open for minutes, and how many questions a second there were at the end."""
    clock = Clock()
    pace = Pace(clock)
    next_times, told, last = [page * SHORTEST / pages for page in range(pages)], [SHORTEST] * pages, 0
    while clock.now < 60 * minutes:
        page = min(range(pages), key=next_times.__getitem__)
        clock.now = next_times[page]
        pace.asked(told[page])
        told[page] = pace.seconds()
        next_times[page] += told[page]
        last += clock.now >= 60 * (minutes - 1)
    return pace, clock, last / 60


@pytest.mark.parametrize(("pages", "seconds"), [(1, 2), (7, 2), (12, 4), (25, 8), (60, 16), (200, 16)])
def test_pages_ask_less_often_the_more_of_them_are_open(pages: int, seconds: float) -> None:
    pace, _, questions = watched(pages)
    assert pace.seconds() == seconds
    assert questions == pytest.approx(pages / seconds, rel=0.1)
    assert pages > 64 or questions <= 4.4


def test_pages_ask_as_often_as_ever_once_the_others_are_closed() -> None:
    pace, clock, _ = watched(60)
    clock.now += 100
    assert pace.seconds() == SHORTEST, "also the first page that is opened then"
    pace.asked(16.0)
    assert pace.seconds() == SHORTEST
