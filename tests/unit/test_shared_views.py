"""A live run's view is made once for all who look at it, and never older than what the run has recorded."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from app.studio import Studio
from app.studio_parts.shared_views import SharedViews
from storage.database import open_database
from storage.jobs import Job, JobStore


@pytest.fixture
def store(studio: Studio) -> JobStore:
    return JobStore(open_database(studio.settings.database_url))


@pytest.fixture
def job(store: JobStore) -> Job:
    store.add("a run", {"backbone": "acme/tiny"}, "sample:x.csv", "x.csv", 60)
    claimed = store.claim("here", [0])
    assert claimed is not None
    return claimed


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    now = [100.0]
    monkeypatch.setattr("app.studio_parts.shared_views.time.monotonic", lambda: now[0])
    return now


def test_viewers_who_come_at_the_same_moment_share_one_view(job: Job, clock: list[float]) -> None:
    views, first_is_at_it = SharedViews(), threading.Event()
    made: list[Any] = []

    def make() -> Any:
        first_is_at_it.wait(30)
        made.append(object())
        return made[-1]

    with ThreadPoolExecutor(8) as viewers:
        shown = [viewers.submit(views.view, job, make) for _ in range(8)]
        first_is_at_it.set()
    assert len(made) == 1 and {id(one.result()) for one in shown} == {id(made[0])}


def test_a_view_is_made_anew_when_the_run_has_changed_or_a_second_has_passed(
    store: JobStore, job: Job, clock: list[float]
) -> None:
    views: Any = SharedViews()
    first = views.view(job, object)
    assert views.view(store.get(job.id), object) is first
    store.heartbeat(job.id, 1, "Training", [(1, "loss", 2.0)])
    second = views.view(store.get(job.id), object)
    assert second is not first
    clock[0] += 1.1
    assert views.view(store.get(job.id), object) is not second


def test_what_could_not_be_made_is_tried_again(job: Job, clock: list[float]) -> None:
    views: Any = SharedViews()

    def fail() -> None:
        raise ValueError

    for _ in range(2):
        with pytest.raises(ValueError):
            views.view(job, fail)
    assert views.view(job, lambda: 7) == 7


def test_runs_that_nobody_looks_at_any_more_are_forgotten(store: JobStore, job: Job, clock: list[float]) -> None:
    views: Any = SharedViews()
    for _ in range(70):
        other = store.add("another", {"backbone": "acme/tiny"}, "sample:x.csv", "x.csv", 60)
        views.view(other, object)
    assert len(views._runs) == 64
