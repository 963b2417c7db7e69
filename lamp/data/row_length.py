"""Estimates the length of rows without a tokenizer."""

from __future__ import annotations

from lamp.config import DataConfig
from lamp.data.splits import Splits

_CHARACTERS = 3.5
"""Approximate characters per token in most languages with an alphabet and most tokenizers."""
_LOOKED_AT = 1000
"""Number of rows that are examined."""


def guessed_longest_row(splits: Splits, config: DataConfig) -> tuple[int, int]:
    """Estimates the tokens of the longest input and of the longest target."""
    examples = list(splits.train[:_LOOKED_AT])
    inputs = max(len(example.text) for example in examples) / _CHARACTERS
    targets = max(len(example.target) for example in examples) / _CHARACTERS
    return min(config.max_input_tokens, round(inputs) + 1), min(config.max_target_tokens, round(targets) + 2)
