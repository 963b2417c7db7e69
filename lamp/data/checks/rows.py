"""Warns of rows that are left out, are repeated, or contain their own answer."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from lamp.data.checks.sample import counted, example_row, quoted
from lamp.data.splits import Example, Splits

_MOST_LABELLED, _MOST_WRITTEN = 0.8, 0.9
"""Shares of rows that contain their own answer above which that is no accident, for labels and for free texts."""

_TOTAL = re.compile(r"(?:^|: )(?:grand |sub)?total$|(?:^|: )(?:sum|gesamt|summe)$", re.IGNORECASE | re.MULTILINE)
"""Matches the name in a row that sums up other rows."""


def left_out_warnings(splits: Splits) -> list[str]:
    """Says how many rows have nothing to read or nothing to answer, repeat the header, or were not accepted."""
    kinds = []
    if splits.skipped:
        kinds.append(f"{splits.skipped:,} without a target, such as {example_row(splits.shown['skipped'])}")
    if splits.without_input:
        example = splits.shown["without_input"]
        kinds.append(
            f"{splits.without_input:,} without an input, such as row {example.row + 1:,} "
            f"(target {quoted(example.target)})"
        )
    if splits.headers:
        kinds.append(f"{splits.headers:,} that hold the names of the columns")
    if splits.not_accepted:
        kinds.append(f"{splits.not_accepted:,} that an annotator rejected or ignored")
    return [f"Some rows are left out: {', '.join(kinds[:-1])}{' and ' * (len(kinds) > 1)}{kinds[-1]}."] if kinds else []


def repeated_warnings(splits: Splits, rows: int) -> list[str]:
    """Says how many rows have the input of another row."""
    if not splits.repeated:
        return []
    return [
        f"{splits.repeated:,} of {rows:,} rows have the same input as another row, such as "
        f"{example_row(splits.shown['repeated'])}: rows with one input are all in one part, so that no score is of an "
        "input that was learned."
    ]


def total_warnings(splits: Splits) -> list[str]:
    """Says that the last row seems to sum up the others."""
    last = max((part[-1] for part in splits.parts if part), key=lambda example: example.row)
    if not _TOTAL.search(last.text):
        return []
    return [
        f"The last row, {quoted(last.text)} with the target {quoted(last.target)}, seems to sum up the others: take it "
        "out."
    ]


def held_out_too_warnings(splits: Splits) -> list[str]:
    """Says how many rows another part has as well, where validation or the test have rows of their own."""
    if not splits.held_out_too:
        return []
    return [
        "Rows left out because the rows for validation or the test have the same input: "
        f"{splits.held_out_too:,}, such as {example_row(splits.shown['held_out_too'])}. What is learned or chosen by "
        "must not be tested on."
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
