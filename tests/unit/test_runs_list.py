"""The list of runs asks the database for what it shows, however many runs there are."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import gradio as gr
import pytest
from sqlalchemy import event, update

from app.studio import Studio
from app.ui.runs.runs_list import RunsList, list_at
from app.views.estimates import places
from lamp.config import TuneConfig
from storage.database import Database, open_database
from storage.jobs import Job, JobState, JobStore
from storage.tables import JobRow


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
        return runs_list.show("", "All", text, "date", 30, "", "UTC")

    add_runs(database, 3)
    few = rows_read(database, show)
    add_runs(database, 297)
    many = rows_read(database, show)
    assert len(few) > 0 and many == few
    assert all("LIMIT" in statement for statement in many)


def test_a_list_shows_a_page_of_runs_and_whether_there_are_more(runs_list: RunsList, database: Database) -> None:
    add_runs(database, 31)
    html, more, timer, seen = runs_list.show("", "All", "", "date", 30, "", "UTC")
    assert html.count('class="ls-run"') == 30 and "run 30<" in html and "run 0<" not in html
    assert more["visible"] and not timer["active"] and seen == html
    html, more, *_ = runs_list.show("", "All", "", "date", 60, "", "UTC")
    assert html.count('class="ls-run"') == 31 and not more["visible"]


def test_a_filter_shows_its_states_alone_and_asks_again_while_any_run_goes_on(
    runs_list: RunsList, database: Database
) -> None:
    add_runs(database, 1, JobState.FAILED, "failed")
    add_runs(database, 1, name="done")
    html, _, timer, _ = runs_list.show("", "Done", "", "date", 30, "", "UTC")
    assert "done 0<" in html and "failed 0<" not in html and not timer["active"]
    add_runs(database, 1, JobState.QUEUED, "waiting")
    html, _, timer, _ = runs_list.show("", "Done", "", "date", 30, "", "UTC")
    assert "waiting 0<" not in html and timer["active"]
    assert "waiting 0<" in runs_list.show("", "Active", "", "date", 30, "", "UTC")[0]


def test_every_word_of_a_search_is_found_wherever_a_card_shows_it(runs_list: RunsList, database: Database) -> None:
    add_runs(database, 2)
    store = JobStore(database)
    newest = store.list(1)[0]
    store.annotate(newest.id, "it smells of almonds", ["violet"])
    html, *_ = runs_list.show("", "All", "VIOLET tiny almonds X.csv", "date", 30, "", "UTC")
    assert html.count('class="ls-run"') == 1 and "run 1<" in html
    assert "No run matches" in runs_list.show("", "All", "violet oranges", "date", 30, "", "UTC")[0]


def test_a_list_that_did_not_change_is_not_sent_again(runs_list: RunsList, database: Database) -> None:
    add_runs(database, 1)
    *_, seen = runs_list.show("", "All", "", "date", 30, "", "UTC")
    unchanged, *_ = runs_list.show("", "All", "", "date", 30, seen, "UTC")
    assert "value" not in unchanged and "ls-run" not in str(unchanged)


def test_an_empty_list_says_whether_there_are_runs_at_all(runs_list: RunsList, database: Database) -> None:
    assert "No runs yet" in runs_list.show("", "All", "", "date", 30, "", "UTC")[0]
    add_runs(database, 1)
    assert "No run matches" in runs_list.show("", "All", "nothing like it", "date", 30, "", "UTC")[0]
    assert "No run matches" in runs_list.show("", "Active", "", "date", 30, "", "UTC")[0]


def test_deleted_runs_are_listed_by_themselves_and_come_back(
    runs_list: RunsList, database: Database, studio: Studio
) -> None:
    add_runs(database, 2)
    assert "No deleted runs" in runs_list.show("", "Deleted", "", "date", 30, "", "UTC")[0]
    job = studio.jobs()[0]
    studio.delete(job.id)
    html, *_ = runs_list.show("", "Deleted", "", "date", 30, "", "UTC")
    assert f'data-restore="{job.id}"' in html and ">Bring it back<" in html and html.count("data-restore") == 1
    assert job.name not in runs_list.show("", "All", "", "date", 30, "", "UTC")[0]
    assert "No run matches" in runs_list.show("", "Deleted", "nothing like it", "date", 30, "", "UTC")[0]
    assert runs_list.restore(3, gr.EventData(None, {"run": job.id})) == 4
    assert job.name in runs_list.show("", "All", "", "date", 30, "", "UTC")[0]


@pytest.mark.parametrize(
    ("query", "shown"),
    [
        ({}, ("All", "", "date", 30)),
        ({"show": "Done", "search": "a b", "sort": "-name", "rows": "90"}, ("Done", "a b", "-name", 90)),
        ({"show": "Nonsense", "sort": "--name", "rows": "many"}, ("All", "", "date", 30)),
        ({"rows": "-5", "sort": "-score"}, ("All", "", "-score", 30)),
        ({"rows": "999999"}, ("All", "", "date", 3000)),
    ],
)
def test_a_list_opens_as_its_address_says(query: dict[str, str], shown: tuple[str, str, str, int]) -> None:
    assert list_at(query) == shown


def test_a_run_without_gain_says_so_in_the_list(runs_list: RunsList, database: Database) -> None:
    store = JobStore(database)
    job = store.add("no gain", {"backbone": "acme/tiny"}, "sample:x.csv", "x.csv", 5)
    store.claim("here", [0])
    store.finish(job.id, JobState.DONE, scores={"accuracy": 0.4, "untrained_accuracy": 0.5})
    html, *_ = runs_list.show("", "All", "", "date", 30, "", "UTC")
    assert "no better than untrained" in html and "ls-pill ls-warn" in html


def test_a_list_is_shown_once_all_of_its_address_is_known(runs_list: RunsList, database: Database) -> None:
    add_runs(database, 1)
    assert rows_read(database, lambda: runs_list.show("", "All", "", "date", 30, "", "")) == []
    assert all(update == gr.skip() for update in runs_list.show("", "All", "", "date", 30, "", ""))


def test_a_line_says_in_which_settings_its_run_differs_from_the_one_before_it_or_from_its_parent(
    runs_list: RunsList, database: Database
) -> None:
    store = JobStore(database)

    def add(name: str, data: str = "x", parent: str | None = None, **train: Any) -> Job:
        return store.add(name, {"train": train}, f"sample:{data}.csv", f"{data}.csv", 5, parent=parent)

    first = add("first", seed=1)
    add("elsewhere", "y", seed=7)
    add("second", seed=2, learning_rate=0.1, steps=9, compile=True)
    add("same", seed=2, learning_rate=0.1, steps=9, compile=True)
    add("child", parent=first.id, seed=3)
    lines = runs_list.show("", "All", "", "date", 30, "", "UTC")[0].partition("<tbody>")[2].split("<tr ")[1:]
    child, same, second, elsewhere, oldest = (
        re.sub("<[^>]*>", "", line.partition("ls-run-differs")[2]) for line in lines
    )
    assert child.startswith('">Seed 1 → 3') and "Compared with first" in lines[0]
    assert same.startswith('">nothing')
    assert second.startswith('">Steps 200 → 9, Learning rate found → 0.1 and 2 more'), "defaults are known"
    assert "Compile no → yes, Seed 1 → 2" in lines[2], "all of them are in the tooltip"
    assert not re.search("→|nothing", elsewhere + oldest), "there is none before them on their data"


def test_a_run_is_not_compared_with_a_deleted_one(runs_list: RunsList, database: Database) -> None:
    store = JobStore(database)
    first, second, _ = (store.add(str(n), {"train": {"seed": n}}, "sample:x.csv", "x.csv", 5) for n in range(3))
    store.delete(second.id)
    html = runs_list.show("", "All", "", "date", 30, "", "UTC")[0]
    assert f"Compared with {first.name}: Seed 0 → 2" in html and "Seed 1" not in html


def test_a_line_has_the_percent_of_a_run_and_its_date_in_the_time_zone_of_whoever_looks(
    runs_list: RunsList, database: Database
) -> None:
    store = JobStore(database)
    job = store.add("<busy>", {"backbone": "acme/tiny"}, "sample:x.csv", "x.csv", 50)
    assert store.claim("here", [0]) is not None
    store.heartbeat(job.id, 7, "Training")
    with database.write() as session:
        session.execute(update(JobRow).values(created_at=datetime(2020, 5, 1, 23, 30, tzinfo=UTC)))
    html = runs_list.show("", "All", "", "date", 30, "", "Europe/Vienna")[0]
    assert "Running 14 %" in html and "less than a minute so far" in html
    assert 'title="2020-05-02 01:30:00">02 May 2020<' in html
    assert "&lt;busy&gt;" in html and "<busy>" not in html


def test_a_click_on_the_head_of_a_column_sorts_by_it_and_another_one_turns_it_round(runs_list: RunsList) -> None:
    def click(sort: str, column: str) -> str:
        return runs_list.sort(sort, gr.EventData(None, {"sort": column}))

    assert click("date", "score") == "score" and click("score", "score") == "-score"
    assert click("-score", "score") == "score" and click("-score", "name") == "name"
    assert click("date", "nonsense") == "-date"


def test_the_head_of_the_column_by_which_a_list_is_sorted_says_so(runs_list: RunsList, database: Database) -> None:
    add_runs(database, 2)
    for sort, heads in {"date": "descending", "name": "ascending", "-name": "descending"}.items():
        html = runs_list.show("", "All", "", sort, 30, "", "UTC")[0]
        (said,) = re.findall(r'aria-sort="(\w+)"><button type="button" data-sort="(\w+)"', html)
        assert said == (heads, sort.removeprefix("-"))
    assert html.index("run 1<") < html.index("run 0<")


def test_selected_runs_are_deleted_but_for_those_that_run_and_come_back(
    runs_list: RunsList, database: Database, studio: Studio
) -> None:
    add_runs(database, 2)
    ended = [job.id for job in studio.jobs()]
    busy = JobStore(database).add("busy", {"backbone": "acme/tiny"}, "sample:x.csv", "x.csv", 5)
    assert JobStore(database).claim("here", [0]) is not None
    said, changes = runs_list.change(0, selected("delete", *ended, busy.id, "no-such-run"))
    assert "Deleted 2 runs." in said and f'data-undo="{",".join(ended)}">Bring them back<' in said and changes == 1
    assert "Not deleted, because still running: &#x27;busy&#x27;" in said
    assert [job.id for job in studio.jobs()] == [busy.id]
    assert runs_list.undo(1, gr.EventData(None, {"runs": ended})) == ("", 2)
    assert {job.id for job in studio.jobs()} == {busy.id, *ended}
    assert "There is no run" in runs_list.undo(2, gr.EventData(None, {"runs": ["no-such-run"]}))[0]
    assert "gone already" in runs_list.change(2, selected("delete", "no-such-run"))[0]


def test_a_tag_is_added_to_those_that_the_selected_runs_have(
    runs_list: RunsList, database: Database, studio: Studio
) -> None:
    add_runs(database, 2)
    two, one = studio.jobs()
    studio.annotate(two.id, "a note", ["old"])
    said, _ = runs_list.change(0, selected("tag", one.id, two.id, "no-such-run", tag="new, <b>"))
    assert "Tags new, &lt;b&gt; added to 2 runs." in said
    assert studio.job(one.id).tags == ("<b>", "new")
    assert studio.job(two.id).tags == ("<b>", "new", "old") and studio.job(two.id).note == "a note"
    assert "Write a tag" in runs_list.change(0, selected("tag", one.id, tag=" , "))[0]
    assert "shorten it to 50" in runs_list.change(0, selected("tag", one.id, tag="x" * 51))[0]
    studio.annotate(one.id, "", [f"tag {n}" for n in range(20)])
    assert "20 tags, not 21" in runs_list.change(0, selected("tag", one.id, tag="new"))[0]


def selected(act: str, *runs: str, tag: str = "") -> gr.EventData:
    return gr.EventData(None, {"act": act, "runs": list(runs), "tag": tag})


def test_when_a_long_queue_begins_costs_the_same_queries_as_of_a_short_one(database: Database) -> None:
    store, recipe = JobStore(database), TuneConfig("acme/tiny").to_dict()
    first = store.add("tells the speed", recipe, "sample:x.csv", "x.csv", 60)
    store.claim("here", [0])
    store.heartbeat(first.id, 30, "Training", [(step, "rows_per_second", 8.0) for step in range(1, 31)])
    store.finish(first.id, JobState.DONE)
    store.release(first.id)
    costs = []
    for more in (3, 40):
        for number in range(more):
            store.add(f"waits {number}", recipe, "sample:x.csv", "x.csv", 60)
        costs.append(len(rows_read(database, lambda: places(store, 1))))
    assert places(store, 1)[store.queue()[-1]].starts_in is not None, "the speed is known"
    assert costs[0] == costs[1]
