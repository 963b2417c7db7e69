"""How many inputs are too long for a recipe, told before a run from the tokenizer's file alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tokenizers import Tokenizer

MOST_COUNTED = 5000
"""Inputs that are tokenized at most; of a larger data set, an evenly spaced sample of about this size."""


@dataclass(frozen=True)
class Truncation:
    """How many inputs will lose tokens."""

    rows: int
    """Estimated from a sample where `exact` is False."""
    exact: bool


def count_truncated(tokenizer_file: Path, texts: Sequence[str], limit: int) -> Truncation | None:
    """Counts inputs of more than `limit` tokens; None where that cannot be told.

    tokenizer_file: a tokenizer.json.
    """
    if not texts:
        return None
    stride = max(1, -(-len(texts) // MOST_COUNTED))
    counted = list(texts[::stride])
    try:
        longer = sum(len(encoding.ids) > limit for encoding in _tokenizer(tokenizer_file).encode_batch_fast(counted))
    except Exception:  # tokenizers raises nothing more specific; loading the backbone reports the fault
        return None
    return Truncation(round(longer * len(texts) / len(counted)), exact=stride == 1)


@lru_cache(maxsize=4)
def _tokenizer(file: Path) -> Tokenizer:
    from tokenizers import Tokenizer  # late: the pages start without it

    tokenizer = Tokenizer.from_file(str(file))
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return tokenizer
