"""Data sets of the Hub are found by a part of their name, in one request that never waits long."""

from __future__ import annotations

import time

from tests.hub.conftest import ADA, Run
from tests.hub.server import Hub

SEARCH = """
from dataclasses import asdict
from lamp.errors import DataError
from app.hub import searching
def outcome(words):
    try:
        return [asdict(found) for found in searching.search(words)]
    except DataError as error:
        return str(error)
answer([outcome(words) for words in arguments])
"""
CARD = b"""---
dataset_info:
  splits:
  - {name: train, num_examples: 1200}
  - {name: test, num_examples: 34}
---
"""
SUBSETS = b"""---
dataset_info:
- {config_name: de, splits: [{name: train, num_examples: 5}]}
- {config_name: en, splits: [{name: train, num_examples: 5}]}
---
"""


def test_data_sets_are_found_by_a_part_of_their_name_with_what_the_hub_tells_of_each(hub: Hub, run: Run) -> None:
    hub.add("acme/films", {"README.md": CARD}, "datasets", downloads=5, tags=("license:mit", "language:en"))
    large = ("size_categories:1M<n<10M",)
    hub.add("zeta/more-FILMS", {"README.md": SUBSETS}, "datasets", downloads=90, gated=True, tags=large)
    hub.add("acme/films-model", {"x": b""})
    hub.add("acme/books", {}, "datasets")
    [found] = run(SEARCH, " film ").result
    assert [(one["id"], one["rows"], one["size_category"], one["licence"], one["gated"]) for one in found] == [
        ("zeta/more-FILMS", None, "1M<n<10M", "", True),
        ("acme/films", 1234, "", "mit", False),
    ]
    assert [one["downloads"] for one in found] == [90, 5] and found[1]["bytes"] > len(CARD)


def test_the_page_of_a_data_set_is_searched_by_its_id_and_one_letter_not_at_all(hub: Hub, run: Run) -> None:
    hub.add("acme/films", {}, "datasets")
    by_address, letter, nothing = run(
        SEARCH, "https://huggingface.co/datasets/acme/films/viewer", "f", "no such name"
    ).result
    assert [one["id"] for one in by_address] == ["acme/films"] and letter == nothing == []
    assert len([request for request in hub.requests if request.path.startswith("/api/datasets?")]) == 2


def test_a_search_uses_no_token_of_this_machine(hub: Hub, run: Run) -> None:
    hub.add("ada/secret-films", {}, "datasets", private=True)
    assert run(SEARCH, "films", HF_TOKEN=ADA.token).result == [[]]
    assert all("authorization" not in request.headers for request in hub.requests)


def test_a_hub_that_cannot_be_searched_is_asked_once_and_is_one_sentence(hub: Hub, run: Run) -> None:
    sentence = "The Hub could not be searched now: write the whole id of a data set and press Look up"
    hub.busy = True
    assert sentence in run(SEARCH, "films").result[0]
    assert len([request for request in hub.requests if request.path.startswith("/api/datasets")]) == 1
    hub.busy, hub.delay = False, 60
    began = time.monotonic()
    assert sentence in run("from app.hub import searching; searching.HUB_TIMEOUT = 0.3\n" + SEARCH, "films").result[0]
    assert time.monotonic() - began < 60
    hub.stop()
    assert sentence in run(SEARCH, "films").result[0]
