"""The origins of a prompt's backbone and data, so that its recipe can be repeated exactly."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from lamp.config import MADE_FROM
from lamp.data.source import DataSource


def made_from(backbone: str, commit: str, sources: Mapping[str, DataSource]) -> dict[str, Any]:
    """Returns the origins that a recipe.json names beside the recipe; empty if nothing is known.

    commit: of the backbone on the Hub, "" for a folder; sources: of the data sets from the Hub, under "data",
    "validation_data" and "test_data".
    """
    known: dict[str, Any] = {name: asdict(source) for name, source in sources.items()}
    if commit:
        known["backbone"] = {"id": backbone, "revision": commit}
    return {MADE_FROM: known} if known else {}
