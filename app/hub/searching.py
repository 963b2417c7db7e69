"""Searches the Hugging Face Hub for data sets by their name."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from app.hub.client import set_time_limits
from lamp.errors import DataError
from lamp.hub.timeouts import HUB_TIMEOUT

FEWEST_CHARACTERS = 2
"""Shorter words are not searched for: nearly every name contains them."""
_MOST_RESULTS = 8
_EXPANDED = ("cardData", "downloads", "gated", "mainSize", "tags")
"""Properties of each data set that are requested from the Hub beside its id."""


@dataclass(frozen=True)
class HubDataset:
    """A data set in a list of the Hub."""

    id: str
    rows: int | None
    """Number of rows, if the data set has one subset and its card counts them."""
    size_category: str
    """Approximate number of rows, such as "10K<n<100K"; "" if the card does not say."""
    bytes: int | None
    """Size of its files."""
    licence: str
    """The Hub's short name of it, such as "apache-2.0"; "" if the card names none."""
    downloads: int | None
    """Number of downloads in the last 30 days."""
    gated: bool
    """Whether its terms must be accepted on its page before it can be read."""


def search(words: str) -> list[HubDataset]:
    """Returns public data sets whose id contains `words`, the most downloaded first; none for fewer than two
    characters.

    No token is used, so that nobody sees the private data sets of this machine's account. One request is made, and it
    is not repeated. Raises DataError in one sentence.
    """
    from huggingface_hub import constants
    from huggingface_hub.utils import (  # type: ignore[attr-defined]  # public, but not in an __all__
        build_hf_headers,
        get_session,
        hf_raise_for_status,
    )

    words = id_in_address(words)
    if len(words) < FEWEST_CHARACTERS:
        return []
    set_time_limits()
    try:
        # Not HfApi.list_datasets: it waits for a silent Hub for ever, and asks a busy one again and again.
        response = get_session().get(
            f"{constants.ENDPOINT}/api/datasets",
            params={"search": words, "sort": "downloads", "limit": _MOST_RESULTS, "expand": list(_EXPANDED)},
            headers=build_hf_headers(token=False, library_name="lamp-studio"),
            timeout=HUB_TIMEOUT,
        )
        hf_raise_for_status(response)
        return [_described(item) for item in response.json()[:_MOST_RESULTS]]
    except Exception as error:  # of the connection, of the Hub, or an answer of another shape than expected
        raise DataError(
            "The Hub could not be searched now: write the whole id of a data set and press Look up, or add a file."
        ) from error


def id_in_address(text: str) -> str:
    """Returns the id in the address of a data set's page; other text is returned without surrounding blanks."""
    id = re.sub(r"^(https?://[^/]+)?/?datasets/", "", text.strip()).rstrip("/")
    return re.sub(r"/(viewer|tree|blob|resolve)(/.*)?$", "", id)


def _described(item: Mapping[str, Any]) -> HubDataset:
    tags = [str(tag) for tag in item.get("tags") or ()]
    return HubDataset(
        id=str(item["id"]),
        rows=_rows(item.get("cardData") or {}),
        size_category=_tagged(tags, "size_categories:"),
        bytes=item.get("mainSize"),
        licence=_tagged(tags, "license:"),
        downloads=item.get("downloads"),
        gated=bool(item.get("gated")),
    )


def _tagged(tags: list[str], prefix: str) -> str:
    """Returns what follows the prefix in the first tag that has it; "" if none has."""
    return next((tag.removeprefix(prefix) for tag in tags if tag.startswith(prefix)), "")


def _rows(card: Mapping[str, Any]) -> int | None:
    """Returns the number of rows of all splits; None for several subsets, which may contain the same rows."""
    subsets = card.get("dataset_info")
    subsets = subsets if isinstance(subsets, list) else [subsets]
    if len(subsets) != 1 or not isinstance(subsets[0], dict):
        return None
    counts = [split.get("num_examples") for split in subsets[0].get("splits") or ()]
    return sum(counts) if counts and all(isinstance(count, int) for count in counts) else None
