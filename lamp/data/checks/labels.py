"""Warns of labels that are written in several ways, that have too few rows, or that have nearly all of them."""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from collections.abc import Mapping

from lamp.data.checks.sample import quoted

_NO_LABELS = frozenset(
    {"nan", "null", "<na>", "nat", "undefined", "#n/a", "n/a", "#ref!", "#value!", "#name?", "#div/0!", "#num!"}
)
"""What programs write where there is nothing, or no result. "none" is a label too often to be among them."""
_FEWEST_ROWS = 3
_MOST_OF_ALL = 0.9
"""Share of the rows with one label above which the other labels are hard to learn."""


def label_warnings(labels: Mapping[str, int]) -> list[str]:
    """Returns warnings about labels, which are given with their numbers of rows, most frequent first; none for
    generation."""
    if not labels:
        return []
    return [*_spellings(labels), *_missing(labels), *_rare(labels), *_dominant(labels)]


def _spellings(labels: Mapping[str, int]) -> list[str]:
    groups: dict[str, list[str]] = defaultdict(list)
    for label in labels:
        groups[_plain(label)].append(label)
    alike = [group for group in groups.values() if len(group) > 1]
    if not alike:
        return []
    example = " and ".join(f"{label!r} ({labels[label]:,} rows)" for label in alike[0][:2])
    return [
        f"{sum(map(len, alike)):,} labels differ from another one only by case, blanks, Unicode form or a .0, such as "
        f"{example}: they are learned as different answers, so write them alike if they mean the same."
    ]


def _plain(label: str) -> str:
    """A label without what people hardly see: case, blanks, Unicode form, invisible characters, and the .0 of 1.0."""
    plain = " ".join(unicodedata.normalize("NFKC", label).casefold().split())
    plain = "".join(character for character in plain if unicodedata.category(character) != "Cf")
    return re.sub(r"^(-?\d+)\.0+$", r"\1", plain)


def _missing(labels: Mapping[str, int]) -> list[str]:
    found = [label for label in labels if label.casefold() in _NO_LABELS]
    return [
        f"The label {quoted(label)} of {labels[label]:,} rows looks like a program's word for nothing: leave these "
        "cells empty if the rows have no answer."
        for label in found[:1]
    ]


def _rare(labels: Mapping[str, int]) -> list[str]:
    rare = [label for label, rows in labels.items() if rows < _FEWEST_ROWS]
    if not rare:
        return []
    most = "Most labels have too few rows: " if 2 * len(rare) > len(labels) else ""
    have = "has" if len(rare) == 1 else "have"
    return [
        f"{most}{len(rare):,} of {len(labels):,} labels {have} fewer than {_FEWEST_ROWS} rows, such as "
        f"{quoted(rare[-1])} ({labels[rare[-1]]}), which is too few to learn and to score: bring more rows of them, or "
        "join rare labels."
    ]


def _dominant(labels: Mapping[str, int]) -> list[str]:
    label, rows = next(iter(labels.items()))
    share = rows / sum(labels.values())
    if share < _MOST_OF_ALL:
        return []
    return [
        f"{share:.0%} of the rows have the label {quoted(label)}, so a model that always gives it has that accuracy: "
        "look at macro F1, or bring more rows of the other labels."
    ]
