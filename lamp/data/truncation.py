"""Counts the inputs and targets that are too long for a recipe, before a run, with the tokenizer's file alone."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from lamp.data.splits import Example
from lamp.data.stored_tokenizer import LEAD, stored_tokenizer

if TYPE_CHECKING:
    from tokenizers import Tokenizer

MOST_COUNTED = 5000
"""Approximate limit on the texts that are tokenized; a larger data set is sampled at even distances."""


@dataclass(frozen=True)
class Truncation:
    """The number of texts that will be cut."""

    rows: int
    """Number of texts that will be cut; an estimate if `exact` is False."""
    exact: bool
    example: Example | None = field(default=None, compare=False)
    """The first row whose text is cut; None if there is none."""


def count_truncated(tokenizer_file: Path, examples: Sequence[Example], limit: int) -> Truncation | None:
    """Counts the inputs of more than `limit` tokens; None without examples, or if the tokenizer cannot be read.

    tokenizer_file: a tokenizer.json.
    """
    return _count(tokenizer_file, examples, lambda example: example.text, lambda tokenizer: limit)


def count_cut_targets(tokenizer_file: Path, examples: Sequence[Example], limit: int) -> Truncation | None:
    """Counts the targets that have more than `limit` tokens, the end token included; None as for inputs."""
    return _count(
        tokenizer_file,
        examples,
        lambda example: f"{LEAD} {example.target}",
        lambda tokenizer: limit - 1 + len(tokenizer.encode(LEAD).ids),
    )


@dataclass(frozen=True)
class Cut:
    """A text with too many tokens, in three parts, of which the middle one is left out."""

    head: str
    middle: str
    """The part that is not read; empty if the text is short enough."""
    tail: str
    """The end that belongs to the template, which is never cut."""


def cut_input(tokenizer_file: Path, example: Example, limit: int) -> Cut:
    """Returns an input as the encoder cuts it to `limit` tokens; uncut if the tokenizer cannot be read."""
    text = example.text
    try:
        tokenizer = stored_tokenizer(tokenizer_file)
        encoding = tokenizer.encode(text)
        if len(encoding.ids) <= limit:
            return Cut(text, "", "")
        kept_at_end = min(limit - 1, len(tokenizer.encode(example.template_suffix).ids))
        end = max((end for _, end in encoding.offsets[: limit - kept_at_end]), default=0)
        # Special tokens have no place in the text: (0, 0).
        tails = [start for start, stop in encoding.offsets[len(encoding.ids) - kept_at_end :] if stop > start]
    except Exception:  # as in `_count`
        return Cut(text, "", "")
    start = max(end, min(tails, default=len(text)))
    return Cut(text[:end], text[end:start], text[start:])


def _count(
    tokenizer_file: Path,
    examples: Sequence[Example],
    text_of: Callable[[Example], str],
    limit_of: Callable[[Tokenizer], int],
) -> Truncation | None:
    if not examples:
        return None
    stride = max(1, -(-len(examples) // MOST_COUNTED))
    sample = list(examples[::stride])
    try:
        tokenizer = stored_tokenizer(tokenizer_file)
        limit = limit_of(tokenizer)
        encodings = tokenizer.encode_batch_fast([text_of(example) for example in sample])
    except Exception:  # tokenizers raises nothing more specific; loading the backbone reports the error
        return None
    longer = [example for example, encoding in zip(sample, encodings, strict=True) if len(encoding.ids) > limit]
    rows = round(len(longer) * len(examples) / len(sample))
    return Truncation(rows, exact=stride == 1, example=next(iter(longer), None))
