"""The list of runs asks the database for what it shows, however many runs there are."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import gradio as gr
import pytest
from sqlalchemy import event

from app.studio import Studio
from app.ui.runs.runs_page import RunsList, list_at
from storage.database import Database, open_database
from storage.jobs import JobState, JobStore


@pytest.fixture
def database(studio: Studio) -> Database:
    return open_database(studio.settings.database_url)


@pytest.fixture
def runs_list(studio: Studio, database: Database) -> RunsList:
    return RunsList(Studio(studio.settings, database))


def add_runs(database: Database, number: int, state: JobState = JobState.DONE, name: str = "run") -> None:
    store = JobStore(database)
    for index in range(number):
        job = store.add(f"{name} {index}", {"backbone": "acme/tiny"}, "sample:x.csv", "x.csv", 5)
        if state is not JobState.QUEUED:
            assert store.claim("here", [0]) is not None
            store.finish(job.id, state)
            store.release(job.id)


def rows_read(database: Database, work: Callable[[], object]) -> list[str]:
    """The SELECT statements that `work` sends."""
    statements: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        if statement.startswith("SELECT"):
            statements.append(statement)

    event.listen(database.engine, "before_cursor_execute", note)
    try:
        work()
    finally:
        event.remove(database.engine, "before_cursor_execute", note)
    return statements


@pytest.mark.parametrize("text", ["", "run tiny"])
def test_a_list_of_many_runs_costs_the_same_queries_as_one_of_few(
    runs_list: RunsList, database: Database, text: str
) -> None:
    def show() -> tuple[Any, ...]:
        return runs_list.show("", "All", text, 30, "", "0")

    add_runs(database, 3)
    few = rows_read(database, show)
    add_runs(database, 297)
    many = rows_read(database, show)
    assert len(few) > 0 and many == few
    assert all("LIMIT" in statement for statement in many)


def test_a_list_shows_a_page_of_runs_and_whether_there_are_more(runs_list: RunsList, database: Database) -> None:
    add_runs(database, 31)
    html, more, timer, seen = runs_list.show("", "All", "", 30, "", "0")
    assert html.count('class="ls-run"') == 30 and "run 30<" in html and "run 0<" not in html
    assert more["visible"] and not timer["active"] and seen == html
    html, more, *_ = runs_list.show("", "All", "", 60, "", "0")
    assert html.count('class="ls-run"') == 31 and not more["visible"]


def test_a_filter_shows_its_states_alone_and_asks_again_while_any_run_goes_on(
    runs_list: RunsList, database: Database
) -> None:
    add_runs(database, 1, JobState.FAILED, "failed")
    add_runs(database, 1, name="done")
    html, _, timer, _ = runs_list.show("", "Done", "", 30, "", "0")
    assert "done 0<" in html and "failed 0<" not in html and not timer["active"]
    add_runs(database, 1, JobState.QUEUED, "waiting")
    html, _, timer, _ = runs_list.show("", "Done", "", 30, "", "0")
    assert "waiting 0<" not in html and timer["active"]
    assert "waiting 0<" in runs_list.show("", "Active", "", 30, "", "0")[0]


def test_every_word_of_a_search_is_found_wherever_a_card_shows_it(runs_list: RunsList, database: Database) -> None:
    add_runs(database, 2)
    store = JobStore(database)
    newest = store.list(1)[0]
    store.annotate(newest.id, "it smells of almonds", ["violet"])
    html, *_ = runs_list.show("", "All", "VIOLET tiny almonds X.csv", 30, "", "0")
    assert html.count('class="ls-run"') == 1 and "run 1<" in html
    assert "No run matches" in runs_list.show("", "All", "violet oranges", 30, "", "0")[0]


def test_a_list_that_did_not_change_is_not_sent_again(runs_list: RunsList, database: Database) -> None:
    add_runs(database, 1)
    *_, seen = runs_list.show("", "All", "", 30, "", "0")
    unchanged, *_ = runs_list.show("", "All", "", 30, seen, "0")
    assert "value" not in unchanged and "ls-run" not in str(unchanged)


def test_an_empty_list_says_whether_there_are_runs_at_all(runs_list: RunsList, database: Database) -> None:
    assert "No runs yet" in runs_list.show("", "All", "", 30, "", "0")[0]
    add_runs(database, 1)
    assert "No run matches" in runs_list.show("", "All", "nothing like it", 30, "", "0")[0]
    assert "No run matches" in runs_list.show("", "Active", "", 30, "", "0")[0]


def test_deleted_runs_are_listed_by_themselves_and_come_back(
    runs_list: RunsList, database: Database, studio: Studio
) -> None:
    add_runs(database, 2)
    assert "No deleted runs" in runs_list.show("", "Deleted", "", 30, "", "0")[0]
    job = studio.jobs()[0]
    studio.delete(job.id)
    html, *_ = runs_list.show("", "Deleted", "", 30, "", "0")
    assert f'data-restore="{job.id}">Bring it back<' in html and html.count("data-restore") == 1
    assert job.name not in runs_list.show("", "All", "", 30, "", "0")[0]
    assert "No run matches" in runs_list.show("", "Deleted", "nothing like it", 30, "", "0")[0]
    runs_list.restore(gr.EventData(None, {"run": job.id}))
    assert job.name in runs_list.show("", "All", "", 30, "", "0")[0]


@pytest.mark.parametrize(
    ("query", "shown"),
    [
        ({}, ("All", "", 30)),
        ({"show": "Done", "search": "a b", "rows": "90"}, ("Done", "a b", 90)),
        ({"show": "Nonsense", "rows": "many"}, ("All", "", 30)),
        ({"rows": "-5"}, ("All", "", 30)),
        ({"rows": "999999"}, ("All", "", 3000)),
    ],
)
def test_a_list_opens_as_its_address_says(query: dict[str, str], shown: tuple[str, str, int]) -> None:
    assert list_at(query) == shown


def test_a_run_without_gain_says_so_in_the_list(runs_list: RunsList, database: Database) -> None:
    store = JobStore(database)
    job = store.add("no gain", {"backbone": "acme/tiny"}, "sample:x.csv", "x.csv", 5)
    store.claim("here", [0])
    store.finish(job.id, JobState.DONE, scores={"accuracy": 0.4, "untrained_accuracy": 0.5})
    html, *_ = runs_list.show("", "All", "", 30, "", "0")
    assert "no better than untrained" in html and "ls-pill ls-warn" in html


def test_a_list_is_shown_once_all_of_its_address_is_known(runs_list: RunsList, database: Database) -> None:
    add_runs(database, 1)
    assert rows_read(database, lambda: runs_list.show("", "All", "", 30, "", "")) == []
    assert all(update == gr.skip() for update in runs_list.show("", "All", "", 30, "", ""))
