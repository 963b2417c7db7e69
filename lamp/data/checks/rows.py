"""Rows that are left out, that stand several times, or that hold their own answer."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from lamp.data.checks.sample import counted, quoted
from lamp.data.splits import Example, Splits

_MOST_LABELLED, _MOST_WRITTEN = 0.8, 0.9
"""Shares of the rows that hold their own answer from which it is no accident, for labels and for free texts."""


def left_out_warnings(splits: Splits) -> list[str]:
    """Says how many rows have nothing to read or nothing to answer."""
    kinds = ((splits.skipped, "target"), (splits.without_input, "input"))
    counts = [f"{rows:,} without {'an input' if kind == 'input' else 'a target'}" for rows, kind in kinds if rows]
    return [f"Some rows are left out: {' and '.join(counts)}."] if counts else []


def repeated_warnings(splits: Splits, rows: int) -> list[str]:
    """Says how many rows have the input of another row."""
    if not splits.repeated:
        return []
    return [
        f"{splits.repeated:,} of {rows:,} rows have the same input as another row: rows with one input are "
        "all in one part, so that no score is of an input that was learned."
    ]


def held_out_too_warnings(splits: Splits) -> list[str]:
    """Says how many rows another part has as well, where validation or the test have rows of their own."""
    if not splits.held_out_too:
        return []
    return [
        f"{splits.held_out_too:,} rows are left out because the rows for validation or the test have the same input: "
        "what is learned or chosen by must not be tested on."
    ]


def target_in_input_warnings(sample: Sequence[Example], rows: int, labels: Mapping[str, int]) -> list[str]:
    """Says how many inputs hold their own target, where most do. Labels that every input names do not count.

    sample: some of the `rows` rows.
    """
    patterns = {label: re.compile(rf"(?<!\w){re.escape(label)}(?!\w)", re.IGNORECASE) for label in labels}
    if labels:
        naming = [
            example
            for example in sample
            if patterns[example.target].search(example.text)
            and not all(pattern.search(example.text) for pattern in patterns.values())
        ]
    else:
        naming = [example for example in sample if example.target.casefold() in example.text.casefold()]
    if len(naming) < (_MOST_LABELLED if labels else _MOST_WRITTEN) * len(sample):
        return []
    return [
        f"In {counted(len(naming), len(sample), rows)} the target stands in the "
        f"input, such as {quoted(naming[0].target)}: take out the column that holds it, unless the task is to find it "
        "there."
    ]
