"""All rows of a data set of the Hub, when they are asked for: checked against the disk, and ended when unwanted."""

from __future__ import annotations

import pytest

from tests.hub.conftest import Run
from tests.hub.server import Hub
from tests.hub.test_datasets import OUTCOME, packed

ROWS = 2500
CARD = f"""---
dataset_info:
  features:
  - {{name: text, dtype: string}}
  - {{name: label, dtype: string}}
  splits:
  - {{name: train, num_bytes: 40000, num_examples: {ROWS}}}
configs:
- config_name: default
  data_files:
  - {{split: train, path: train.parquet}}
---
""".encode()
STUDIO = (
    OUTCOME
    + """
import os, shutil
from app.settings import Settings
from app.studio import Studio
from app.hub.fetching import FetchCancelled, HubPart
from storage.database import open_database
from storage.errors import StorageError
fetching.MOST_ROWS = 1000
os.makedirs("studio", exist_ok=True)
settings = Settings.from_environment({"STUDIO_HOME": "studio", "STUDIO_LOW_DISK_GB": "1"})
studio = Studio(settings, open_database(settings.database_url))
def stored():
    return sorted(os.listdir("studio/uploads"))
"""
)


@pytest.fixture
def many(hub: Hub) -> str:
    texts, labels = [f"row {row}" for row in range(ROWS)], [("a", "b")[row % 2] for row in range(ROWS)]
    return hub.add("acme/many", {"README.md": CARD, "train.parquet": packed(text=texts, label=labels)}, "datasets").id


def test_all_rows_are_fetched_when_they_are_asked_for_and_the_total_is_told(hub: Hub, run: Run, many: str) -> None:
    first, every, rows = run(
        STUDIO
        + """
def rows(all_rows):
    progress = []
    entry, fetched = studio.fetch_dataset(HubPart(arguments[0], all_rows=all_rows), lambda *seen: progress.append(seen))
    return [entry.rows, fetched.whole, progress[-1]]
answer([rows(False), rows(True), studio.look_up_dataset(arguments[0]).splits[0].rows])
""",
        many,
    ).result
    assert first == [1000, False, [1000, 1000]] and every == [ROWS, True, [ROWS, ROWS]] and rows == ROWS


def test_no_more_rows_are_fetched_than_a_table_can_hold(run: Run, many: str) -> None:
    rows, cells = run(
        STUDIO
        + """
from app.hub import text_columns
fetching.MAX_ROWS = 1700
def rows():
    entry, fetched = studio.fetch_dataset(HubPart(arguments[0], all_rows=True))
    return [entry.rows, fetched.whole]
few_rows = rows()
fetching.MAX_ROWS, text_columns.MAX_CELLS = 10_000, 2400
answer([few_rows, rows()])
""",
        many,
    ).result
    assert rows == [1700, False] and cells == [1200, False]


def test_a_disk_without_the_space_is_one_sentence_before_and_while_rows_are_fetched(run: Run, many: str) -> None:
    before, meanwhile, left = run(
        STUDIO
        + """
from collections import namedtuple
Usage, free, fetched = namedtuple("Usage", "free"), [10**9 + 100_000], []
shutil.disk_usage = lambda path: Usage(free[0])
def sentence():
    try:
        return str(studio.fetch_dataset(HubPart(arguments[0], all_rows=True), fill))
    except StorageError as error:
        return f"{error} {len(fetched)}"
def fill(rows, total):
    fetched.append(rows)
    free[0] = 10**9 + 1
before = sentence()
free[0] = 10**9 + 200_000
answer([before, sentence(), stored()])
""",
        many,
    ).result
    assert "this data set wants at least" in before and before.endswith(" 0")
    assert "this data set wants at least" in meanwhile and meanwhile.endswith(" 1")
    assert left == []


def test_a_fetch_that_is_cancelled_leaves_nothing(run: Run, many: str) -> None:
    sentence, seen, left = run(
        STUDIO
        + """
seen = []
def cancelled(rows, total):
    seen.append(rows)
    if rows >= 2000:
        raise FetchCancelled("Nothing was added.")
answer([outcome(lambda: studio.fetch_dataset(HubPart(arguments[0], all_rows=True), cancelled)), seen, stored()])
""",
        many,
    ).result
    assert (sentence, seen, left) == ("Nothing was added.", [1000, 2000], [])
