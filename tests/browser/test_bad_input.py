"""Whatever is wrong is one sentence on the page, no run exists, and what was filled in stays."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser import pages
from tests.browser.conftest import opened_page
from tests.browser.studio import RunningStudio
from tests.hub.server import Hub

GOOD = [f"text {number},{'yes' if number % 2 else 'no'}" for number in range(20)]
FILES: dict[str, tuple[str, bytes, str]] = {
    "an empty file": ("empty.csv", b"", "empty"),
    "not what its name says": ("table.csv", b"PK\x03\x04" + bytes(range(256)), "table.csv"),
    "not a parquet file": ("table.parquet", b"text,label\na,b\n", "table.parquet"),
    "broken UTF-16": ("broken.csv", "text,label\ncafé,yes\n".encode("utf-16") + b"\x00", "UTF-16"),
    "one column": ("table.csv", ("text\n" + "row\n" * 20).encode(), "has only one column, 'text'"),
    "a column of lists of lists": ("lists.json", json.dumps([{"text": [["a"]], "label": "b"}] * 20).encode(), "list"),
}
TABLES: dict[str, tuple[str, str]] = {
    "an all-empty target": ("text,label\n" + "\n".join(f"row {number}," for number in range(20)), "empty"),
    "one label only": ("text,label\n" + "\n".join(f"row {number},yes" for number in range(20)), "'yes'"),
    "fewer than ten rows": ("text,label\n" + "\n".join(GOOD[:6]), "at least 10"),
}
RECIPES: dict[str, tuple[dict[str, float], str]] = {
    "a rank larger than the prompt": ({"lamp-rank": 400}, "The rank (400) is larger than the prompt length (100)"),
    "a length that pooling does not divide": ({"lamp-pooling": 7}, "cannot be divided by the pooling (7)"),
    "half a step": ({"train-steps": 2.5}, "Steps must be a whole number, not 2.5."),
}


@pytest.fixture(scope="module")
def filled(browser: Browser, studio: RunningStudio, tiny_llama: Path) -> Iterator[Page]:
    """A page on which someone has chosen a backbone and typed a name and a batch size.

    One mistake follows another on it: each test puts right again what it has filled in wrongly.
    """
    with opened_page(browser, studio) as page:
        pages.open_tune(page)
        pages.choose_backbone(page, str(tiny_llama))
        pages.turn_to(page, "All settings")
        pages.set_number(page, "train-batch-size", 5)
        pages.type_in(page, "name", "kept")
        yield page


@contextmanager
def mistaken(page: Page, numbers: dict[str, float]) -> Iterator[None]:
    """Types wrong numbers into the settings, and puts them right again in the end, with which the problems go."""
    pages.turn_to(page, "All settings")
    right = {key: pages.number(page, key) for key in numbers}
    for key, value in numbers.items():
        pages.set_number(page, key, value)
    yield
    for key, text in right.items():
        pages.type_in(page, f"field-{key}", text)
    expect(page.locator("#start")).to_be_enabled()


@contextmanager
def another_backbone(page: Page, wrong: str, right: Path) -> Iterator[None]:
    pages.choose_backbone(page, wrong)
    yield
    pages.choose_backbone(page, str(right))
    expect(page.locator("#start")).to_be_enabled()


def start_is_refused(page: Page, studio: RunningStudio, sentence: str) -> None:
    """`sentence` stands beside Start, which cannot be pressed, and at its field; the form is as it was."""
    before = studio.store.list()
    expect(page.locator("#rail .ls-problems li")).to_have_count(1)
    expect(page.locator("#rail .ls-problems li")).to_contain_text(sentence)
    expect(page.locator("#start")).to_be_disabled()
    page.locator("#rail .ls-problems a").click()
    field = page.locator("#rail .ls-problems a").get_attribute("href")
    assert field is not None
    expect(page.locator(field)).to_be_visible()
    expect(page.locator(field)).to_be_in_viewport()
    assert sentence in pages.mark(page, field)
    assert "Traceback" not in page.locator("body").inner_text()
    assert studio.store.list() == before
    form_is_kept(page)


def form_is_kept(page: Page) -> None:
    assert page.locator("#name input, #name textarea").input_value() == "kept"
    assert pages.number(page, "train-batch-size") == "5"


@pytest.mark.parametrize("fault", FILES)
def test_a_file_that_cannot_be_read_is_one_sentence(fault: str, filled: Page, tmp_path: Path) -> None:
    name, content, sentence = FILES[fault]
    (tmp_path / name).write_bytes(content)
    chosen = filled.locator("#dataset input").input_value()
    pages.upload(filled, tmp_path / name)
    expect(filled.locator("#upload-said .ls-problems li")).to_have_count(1)
    expect(filled.locator("#upload-said .ls-problems li")).to_contain_text(sentence)
    expect(filled.locator("#upload-said")).to_contain_text(f"{name} was not added. {chosen} is still chosen.")
    assert filled.locator("#dataset input").input_value() == chosen
    form_is_kept(filled)


@pytest.mark.parametrize("fault", RECIPES)
def test_a_recipe_that_cannot_run_is_refused(fault: str, filled: Page, studio: RunningStudio) -> None:
    numbers, sentence = RECIPES[fault]
    with mistaken(filled, numbers):
        start_is_refused(filled, studio, sentence)
        assert pages.number(filled, next(iter(numbers))) == f"{next(iter(numbers.values())):g}"


def test_all_problems_are_listed_at_once(filled: Page) -> None:
    with mistaken(filled, {"lamp-rank": 400, "lamp-pooling": 7, "train-learning-rate": 0}):
        expect(filled.locator("#rail .ls-problems li")).to_have_count(3)
        expect(filled.locator("#rail")).to_contain_text("3 things to put right")


@pytest.mark.parametrize("backbone", ["/nowhere/at/all", "someone/no-such-model"])
def test_a_backbone_that_does_not_exist_is_refused(
    backbone: str, filled: Page, studio: RunningStudio, tiny_llama: Path
) -> None:
    with another_backbone(filled, backbone, tiny_llama):
        start_is_refused(filled, studio, backbone)


def test_a_backbone_that_cannot_be_reached_is_refused(
    filled: Page, studio: RunningStudio, small_hub: Hub, tiny_llama: Path
) -> None:
    small_hub.stop()
    try:
        with another_backbone(filled, "someone/out-of-reach", tiny_llama):
            start_is_refused(filled, studio, "reach")
    finally:
        small_hub.start()


@pytest.mark.parametrize("fault", TABLES)
def test_a_table_that_teaches_nothing_cannot_be_started(
    fault: str, filled: Page, studio: RunningStudio, tmp_path: Path
) -> None:
    content, sentence = TABLES[fault]
    (tmp_path / "table.csv").write_text(content)
    pages.upload(filled, tmp_path / "table.csv")
    start_is_refused(filled, studio, sentence)
