"""What the Tune page shows of a look-up on the Hub belongs to what stands in its boxes now."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import gradio as gr
import pytest

from app.hub.access import NeedsToken
from app.hub.fetching import HubParts, HubSplit
from app.studio import Studio
from app.ui.tune.hub_fetch import HubFetch, LookUp
from app.ui.tune.tune_form import TuneForm
from lamp.data.tables.checks import MAX_ROWS, MAX_UNPACKED

PARTS = HubParts(
    "acme/films", "3f2a91c5d0" * 4, ("de", "en"), "en", (HubSplit("train", 400_000), HubSplit("test", None))
)
LOOKED = LookUp("acme/films", "main", PARTS)
PAGE = cast(gr.Request, SimpleNamespace(session_hash="a page"))


@pytest.fixture
def handlers(studio: Studio) -> HubFetch:
    return HubFetch(studio, TuneForm(studio, ()).choose_dataset)


def is_skip(update: Any) -> bool:
    return isinstance(update, dict) and set(update) == {"__type__"}


def test_an_answer_for_an_earlier_id_or_revision_shows_nothing(handlers: HubFetch) -> None:
    assert all(map(is_skip, handlers.show("acme/fil", "main", LOOKED)))
    assert all(map(is_skip, handlers.show("acme/films", "v2", LOOKED)))
    row, subset, split, _, commit, token, said = handlers.show("acme/films", "main", LOOKED)
    assert row.visible and (subset.value, split.value, said) == ("en", "train", "") and is_skip(token)
    assert split.choices[0][0] == "train · 400,000 rows" and split.choices[1][0] == "test"
    assert "commit 3f2a91c5d0" in str(commit.label)


def test_another_id_hides_the_parts_and_drops_the_token_and_the_revision(handlers: HubFetch) -> None:
    assert all(map(is_skip, handlers.another_id("acme/films", LOOKED)))
    row, commit, revision, token, said = handlers.another_id("acme/fil", LOOKED)
    assert not row.visible and not commit.visible and (revision, token.value) == ("main", "") and is_skip(said)
    refused = LookUp("acme/films", problem="The Hub has no data set 'acme/films'.")
    assert handlers.another_id("acme/fil", refused)[-1] == "", "it is about the id of before"


def test_a_token_is_asked_for_only_where_it_may_help(handlers: HubFetch, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: object) -> HubParts:
        raise NeedsToken("It is gated.")

    monkeypatch.setattr(handlers._studio, "look_up_dataset", refused)
    *_, token, said = handlers.show("acme/films", "main", handlers.look_up("acme/films", "main", ""))
    assert token.visible and token.value == "" and "It is gated." in said
    monkeypatch.undo()
    *_, token, said = handlers.show("no id", "main", handlers.look_up("no id", "main", ""))
    assert is_skip(token) and "is not the id of a data set" in said


def test_the_number_of_rows_is_a_choice_where_there_are_more_than_the_first_ones(handlers: HubFetch) -> None:
    def choices(count: int | None, size: int | None = None) -> list[str]:
        parts = HubParts("a/b", "0" * 40, ("default",), "default", (HubSplit("train", count, size),))
        rows = handlers.rows("train", LookUp("a/b", "main", parts))
        return [str(label) for label, _ in rows.choices] if rows.visible else []

    assert choices(100_000) == []
    assert choices(100_001) == ["The first 100,000", "All 100,001"]
    assert choices(None) == ["The first 100,000", "All of them"]
    assert choices(MAX_ROWS + 1) == ["The first 100,000", f"The first {MAX_ROWS:,}, which is the most"]
    assert choices(200_000, MAX_UNPACKED)[1] == "All 200,000"
    assert choices(200_000, MAX_UNPACKED + 1)[1] == "All 200,000, but at most 6.0 GB of text"


def test_a_cancelled_fetch_ends_at_its_next_rows(handlers: HubFetch, monkeypatch: pytest.MonkeyPatch) -> None:
    fetched: list[int] = []

    def endless(part: object, on_rows: Any, token: str) -> Any:
        for rows in range(1, 100):
            fetched.append(rows)
            if rows == 3:
                handlers.cancel(PAGE)
            on_rows(rows, None)

    def progress(*_: object, **__: object) -> None:
        """Shows nothing."""

    monkeypatch.setattr(handlers._studio, "fetch_dataset", endless)
    handlers.begin(LOOKED, PAGE)
    said = handlers.fetch(LOOKED, "train", True, "", PAGE, cast(gr.Progress, progress))[-1]
    assert "Cancelled." in said and "Nothing was added." in said and fetched == [1, 2, 3]
