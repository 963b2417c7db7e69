"""Files and lists are answered in the background, row by row, and taken home whole."""

from __future__ import annotations

import csv
import json
import os
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from app.answering import list_table
from app.answering.answer import Answer, Request
from app.answering.answer_list import ListProgress
from app.answering.answer_lists import AnswerLists
from app.answering.answerer import Answerer
from app.answering.list_files import write_csv, write_row
from app.answering.list_table import file_table, pasted_table
from app.ui.runs.try_many_html import list_html
from lamp.config import DataConfig
from lamp.data.tables import Table
from lamp.errors import DataError
from storage.home import Home

SCRIPTED = (sys.executable, str(Path(__file__).with_name("scripted_child.py")))
DATA = DataConfig(("text",), "label")
REQUEST = Request("folder", "a backbone", untrained=False)


@pytest.fixture
def answerer() -> Iterator[Answerer]:
    made = Answerer(SCRIPTED)
    yield made
    made.close()


@pytest.fixture
def lists(answerer: Answerer) -> Iterator[AnswerLists]:
    made = AnswerLists(answerer)
    yield made
    made.close()


def start(lists: AnswerLists, folder: Path, texts: list[str], run: str = "a run") -> None:
    table = Table(("text",), [{"text": text} for text in texts])
    lists.start(run, REQUEST, DATA, lambda _: table, folder, ("films.csv", "a-run-answers"))


def wait_until(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline, "it did not come to this"
        time.sleep(0.02)


def end_of(lists: AnswerLists, run: str = "a run") -> ListProgress:
    wait_until(lambda: not progress_of(lists, run).going)
    return progress_of(lists, run)


def progress_of(lists: AnswerLists, run: str = "a run") -> ListProgress:
    progress = lists.progress(run)
    assert progress is not None
    return progress


def test_every_row_is_answered_in_its_order_and_those_without_an_input_stay_empty(
    lists: AnswerLists, tmp_path: Path
) -> None:
    start(lists, tmp_path, [f"film {number}" if number % 10 else " " for number in range(100)])
    progress = end_of(lists)
    assert (progress.state, progress.answered, progress.without_input, progress.cut) == ("done", 100, 10, 0)
    table, lines = progress.files
    assert (table.name, lines.name) == ("a-run-answers.csv", "a-run-answers.jsonl")
    rows = [json.loads(line) for line in lines.read_text().splitlines()]
    assert [row["row"] for row in rows] == list(range(1, 101))
    assert all(bool(row["answer"]) is bool(row["input"]["text"].strip()) for row in rows)
    with table.open(encoding="utf-8-sig", newline="") as file:
        assert [row["text"] for row in csv.DictReader(file)] == [row["input"]["text"] for row in rows]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a-run-answers.csv", "a-run-answers.jsonl"]


def test_a_file_taken_home_has_all_columns_and_no_formula(tmp_path: Path) -> None:
    row = {"text": "=1+1", "answer": "-2", "=x": "plain"}
    answer = Answer("text: =1+1", "@good", "", {"@good": 0.75, "bad": 0.25}, {}, cut_to=12)
    with (tmp_path / "rows.jsonl").open("w") as lines:
        write_row(lines, 1, row, answer)
        write_row(lines, 2, row, None)
    first, second = map(json.loads, (tmp_path / "rows.jsonl").read_text().splitlines())
    probabilities = {"@good": 0.75, "bad": 0.25}
    assert first == {"row": 1, "input": row, "answer": "@good", "probabilities": probabilities, "cut_to_tokens": 12}
    assert second == {"row": 2, "input": row, "answer": ""}
    write_csv(tmp_path / "rows.jsonl", list(row), tmp_path / "rows.csv")
    with (tmp_path / "rows.csv").open(encoding="utf-8-sig", newline="") as file:
        header, *cells = csv.reader(file)
    assert header == ["text", "answer", "'=x", "answer 2", "confidence"]
    assert cells == [["'=1+1", "'-2", "plain", "'@good", "0.7500"], ["'=1+1", "'-2", "plain", "", ""]]


def test_a_single_try_is_answered_between_the_batches_of_a_list(
    lists: AnswerLists, answerer: Answerer, tmp_path: Path
) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    start(lists, tmp_path / "list", [*"abcd", f"waits for {first}", *["e"] * 7, f"waits for {second}", *["f"] * 40])
    wait_until(lambda: progress_of(lists).answered == 4)
    request = replace(REQUEST, inputs=({"text": "a single one"},))
    answers = answerer.answers(request, lambda stage: first.touch() if stage.startswith("Waiting") else None)
    assert answers[0].text == "a single one"
    assert progress_of(lists).going and progress_of(lists).answered <= 12
    second.touch()
    assert end_of(lists).answered == 53


def test_a_canceled_list_keeps_what_was_answered(lists: AnswerLists, tmp_path: Path) -> None:
    go_on = tmp_path / "go on"
    start(lists, tmp_path / "list", [*"abcd", f"waits for {go_on}", *["e"] * 100])
    wait_until(lambda: progress_of(lists).answered == 4)
    lists.cancel("a run")
    assert progress_of(lists).stopping
    go_on.touch()
    progress = end_of(lists)
    assert (progress.state, progress.stopping) == ("canceled", False)
    assert 4 < progress.answered < 105
    assert len(progress.files[1].read_text().splitlines()) == progress.answered
    lists.cancel("a run of which there is no list")


def test_one_list_at_a_time_is_answered_and_a_run_has_but_one(lists: AnswerLists, tmp_path: Path) -> None:
    go_on = tmp_path / "go on"
    start(lists, tmp_path / "one", [f"waits for {go_on}"])
    with pytest.raises(DataError, match=r"^The prompt is answering another list: wait for its end, or cancel it\.$"):
        start(lists, tmp_path / "one", ["good"])
    for run in ("another run", "a third run"):
        start(lists, tmp_path / run, ["good"], run)
    wait_until(lambda: progress_of(lists, "another run").stage == "Waiting for another list")
    lists.cancel("another run")
    assert progress_of(lists, "another run").state == "canceled"
    start(lists, tmp_path / "another run", ["good", "bad"], "another run")
    go_on.touch()
    assert [end_of(lists, run).answered for run in ("a run", "another run", "a third run")] == [1, 2, 1]


def test_a_list_that_fails_says_why_and_keeps_the_rows_before(lists: AnswerLists, tmp_path: Path) -> None:
    start(lists, tmp_path, [*"abcd", "killed", *"efg"])
    progress = end_of(lists)
    assert (progress.state, progress.answered, len(progress.files)) == ("failed", 4, 2)
    assert progress.stage.startswith("There is not enough memory to try this prompt now")
    assert "Ended after 4 of 8 rows." in list_html(progress) and "so far can be taken home" in list_html(progress)
    start(lists, tmp_path, ["good"])
    assert end_of(lists).state == "done"


def test_rows_that_are_too_much_for_the_memory_together_are_answered_one_by_one(
    lists: AnswerLists, tmp_path: Path
) -> None:
    start(lists, tmp_path, ["a", "one at a time", "b"])
    assert (end_of(lists).state, end_of(lists).answered) == ("done", 3)


def test_a_disk_that_takes_no_file_is_one_sentence(lists: AnswerLists, tmp_path: Path) -> None:
    (tmp_path / "list").mkdir()
    start(lists, tmp_path / "list", [f"waits for {tmp_path / 'go on'}"])
    wait_until(lambda: progress_of(lists).state == "answering")
    for path in (tmp_path / "list").iterdir():
        path.unlink()
    (tmp_path / "list").rmdir()
    (tmp_path / "go on").touch()
    progress = end_of(lists)
    assert (progress.state, progress.files) == ("failed", ())
    assert progress.stage == "The answers cannot be written (No such file or directory): try it again."


def test_pasted_lines_are_rows_and_a_file_is_read_in_any_format(tmp_path: Path) -> None:
    assert list(pasted_table("good\n\nbad\r\n\n", DATA).rows) == [{"text": text} for text in ("good", "", "bad")]
    (tmp_path / "films.jsonl").write_text('{"text": "good", "year": 1999}\n{"text": "bad", "year": 2001}\n')
    table = file_table(tmp_path / "films.jsonl", "films.jsonl", tmp_path / "converted", DATA)
    assert list(table.rows) == [{"text": "good", "year": "1999"}, {"text": "bad", "year": "2001"}]


def test_what_cannot_be_answered_is_one_sentence_before_the_work_begins(
    lists: AnswerLists, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "films.csv").write_text("body,year\ngood,1999\n")

    def of_file(converted: Path) -> Table:
        return file_table(tmp_path / "films.csv", "films.csv", converted, DATA)

    sentence = "The file has no column 'text', which this prompt reads; it has 'body', 'year': rename its columns."
    with pytest.raises(DataError) as refused:
        lists.start("a run", REQUEST, DATA, of_file, tmp_path / "list", ("films.csv", "answers"))
    assert str(refused.value) == sentence
    assert lists.progress("a run") is None and list((tmp_path / "list").iterdir()) == []
    with pytest.raises(DataError, match=r"reads 2 columns: give a file with the columns premise, hypothesis\.$"):
        pasted_table("good", DataConfig(("premise", "hypothesis"), "label"))
    with pytest.raises(DataError, match=r"^Give a file, or paste a list with one input a line"):
        pasted_table(" \n ", DATA)
    monkeypatch.setattr(list_table, "MOST_ROWS", 2)
    with pytest.raises(DataError, match=r"^The list has 3 rows, and at most 2 are answered in one go: split it\.$"):
        pasted_table("a\nb\nc", DATA)


def test_answers_are_swept_as_other_exports_are(lists: AnswerLists, tmp_path: Path) -> None:
    folder = tmp_path / "exports" / "0123456789-answers"
    start(lists, folder, ["good"])
    assert end_of(lists).files
    assert Home(tmp_path).sweep(frozenset()) == 0
    os.utime(folder, (1, 1))
    assert Home(tmp_path).sweep(frozenset()) == 1 and not folder.exists()
    assert lists.progress("a run") is None


def test_the_progress_says_what_is_done_and_what_is_left() -> None:
    progress = ListProgress("a <b>.csv", 1200, "answering", answered=300, seconds_left=600)
    html = list_html(progress)
    assert "Answered 300 of 1,200 rows of a &lt;b&gt;.csv" in html and "900 left, about 10 min" in html
    assert "Stopping after these rows" in list_html(replace(progress, stopping=True))
    assert "Waiting for another list" in list_html(ListProgress("", 5, stage="Waiting for another list"))
    done = replace(progress, state="done", answered=1200, without_input=1, cut=2)
    assert "1 row without an input has an empty answer. 2 rows were too long and read in part." in list_html(done)
    assert "Canceled after 300 of 1,200 rows." in list_html(replace(progress, state="canceled"))
    assert list_html(None) == ""
