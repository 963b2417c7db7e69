"""Warns of rows whose input or target is too long for the recipe."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from lamp.config import DataConfig
from lamp.data.checks.sample import example_row
from lamp.data.splits import Example, Splits
from lamp.data.truncation import Truncation, count_cut_targets, count_truncated


def cut_warnings(splits: Splits, tokenizer_file: Path, config: DataConfig) -> list[str]:
    """Says how many inputs and targets will be cut, with an example row. tokenizer_file: a tokenizer.json."""
    inputs = _cut(splits, lambda rows: count_truncated(tokenizer_file, rows, config.max_input_tokens))
    warnings = []
    if inputs:
        warnings.append(
            f"Inputs longer than {config.max_input_tokens:,} tokens are cut: {inputs}. The end is cut off, but never "
            "the template's last words or the target."
        )
    targets = _cut(splits, lambda rows: count_cut_targets(tokenizer_file, rows, config.max_target_tokens))
    if targets and not splits.labels:  # a label is never cut
        warnings.append(
            f"Targets longer than {config.max_target_tokens:,} tokens are cut: {targets}. Answers will end there too: "
            "raise the longest answer to keep them whole."
        )
    return warnings


def _cut(splits: Splits, count: Callable[[Sequence[Example]], Truncation | None]) -> str:
    """Returns how many rows of each part are cut: "about 3 of 80 to learn from and 1 of 10 for validation, such as row
    7"."""
    names = ("to learn from", "for validation", "for the test")
    counts, example = [], ""
    for name, rows in zip(names, splits.parts, strict=True):
        cut = count(rows)
        if cut is not None and cut.example is not None:
            counts.append(f"{'' if cut.exact else 'about '}{cut.rows:,} of {len(rows):,} {name}")
            example = example or example_row(cut.example)
    words = " and ".join([", ".join(counts[:-1]), counts[-1]] if len(counts) > 1 else counts)
    return f"{words}, such as {example}" if counts else ""
