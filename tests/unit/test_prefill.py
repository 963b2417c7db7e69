"""The Tune page's form when it is opened at an address: what comes first, and which drafts of a browser are taken."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from app.studio import Studio
from app.ui.tune import form_values
from app.ui.tune.prefill import prefill


def draft(studio: Studio, **changed: Any) -> dict[str, Any]:
    """What a browser stores of a newcomer's form with these changes."""
    first = prefill(studio, None, {}).content
    values = {
        **form_values.values_of(first.config),
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
    form = prefill(studio, None, {})
    assert (form.note, form.parent, form.is_draft) == ("", "", False)
    assert form.content.config.data.target_column and form.content.dataset


def test_a_form_that_nobody_changed_is_not_called_a_draft(studio: Studio) -> None:
    assert prefill(studio, draft(studio), {}) == prefill(studio, None, {})


def test_what_was_left_is_there_again_at_its_address_only(studio: Studio) -> None:
    stored = draft(
        studio, **{"train.steps": 7, "backbone.choice": "", "backbone.other": "someone/model", "tags": "a, b"}
    )
    form = prefill(studio, stored, {})
    first = prefill(studio, None, {}).content
    assert form.is_draft and "as you left it" in form.note
    assert form.content.config == replace(
        first.config, backbone="someone/model", train=replace(first.config.train, steps=7)
    )
    assert form.content.texts == {"name": "", "note": "", "tags": "a, b"}
    other = prefill(studio, stored, {"from": "0123456789"})
    assert not other.is_draft and other.content == first and "0123456789" in other.note and other.parent == ""


@pytest.mark.parametrize(
    "stored",
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
def test_what_is_no_draft_is_not_taken_for_one(studio: Studio, stored: object) -> None:
    assert not prefill(studio, stored, {}).is_draft


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
def test_a_value_that_cannot_be_parsed_falls_back_to_its_default(studio: Studio, key: str, value: object) -> None:
    assert prefill(studio, draft(studio, **{key: value}), {}).content == prefill(studio, None, {}).content
