"""The Tune page's form at an address: what comes first, and what a browser may have kept of it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from app.studio import Studio
from app.ui.tune import form_values
from app.ui.tune.prefill import opened


def left(studio: Studio, **changed: Any) -> dict[str, Any]:
    """What a browser keeps of the first form with these changes."""
    first = opened(studio, None, {}).filled
    values = {
        **form_values.fill(first.config),
        "backbone.choice": first.config.backbone,
        "backbone.other": "",
        "dataset": first.dataset,
        "gpus": 1,
        "name": "",
        "note": "",
        "tags": "",
    }
    return {"search": "?__theme=dark", "values": {**values, **changed}}


def test_a_newcomer_finds_a_recipe_that_is_ready_to_start(studio: Studio) -> None:
    found = opened(studio, None, {})
    assert (found.note, found.parent, found.changed) == ("", "", False)
    assert found.filled.config.data.target_column and found.filled.dataset


def test_a_form_that_nobody_changed_is_not_called_left(studio: Studio) -> None:
    assert opened(studio, left(studio), {}) == opened(studio, None, {})


def test_what_was_left_is_there_again_at_its_address_only(studio: Studio) -> None:
    kept = left(studio, **{"train.steps": 7, "backbone.choice": "", "backbone.other": "someone/model", "tags": "a, b"})
    found = opened(studio, kept, {})
    first = opened(studio, None, {}).filled
    assert found.changed and "as you left it" in found.note
    assert found.filled.config == replace(
        first.config, backbone="someone/model", train=replace(first.config.train, steps=7)
    )
    assert found.filled.words == {"name": "", "note": "", "tags": "a, b"}
    other = opened(studio, kept, {"from": "0123456789"})
    assert not other.changed and other.filled == first and "0123456789" in other.note and other.parent == ""


@pytest.mark.parametrize(
    "kept",
    [
        "text",
        3,
        [],
        {},
        {"search": ""},
        {"search": "", "values": []},
        {"search": "", "values": {}},
        {"search": 3, "values": {"train.steps": 7}},
        {"search": "?from=0123456789", "values": {"train.steps": 7}},
    ],
    ids=repr,
)
def test_what_is_no_form_is_not_taken_for_one(studio: Studio, kept: object) -> None:
    assert not opened(studio, kept, {}).changed


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("train.steps", ""),
        ("train.steps", "many"),
        ("train.learning_rate", "nan"),
        ("lamp.initial", "magic"),
        ("gpus", "all"),
        ("train.precision", None),
    ],
)
def test_an_unreadable_value_is_as_it_is_by_itself(studio: Studio, key: str, value: object) -> None:
    assert opened(studio, left(studio, **{key: value}), {}).filled == opened(studio, None, {}).filled
