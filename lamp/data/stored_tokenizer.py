"""Loads a tokenizer from its file alone, to get token ids before anything of the backbone is loaded."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tokenizers import Tokenizer

LEAD = ":"
"""The text before targets when they are tokenized, with a space between, as for a causal backbone."""


@lru_cache(maxsize=4)
def stored_tokenizer(file: Path) -> Tokenizer:
    """Loads a tokenizer.json. Raises any Exception if it cannot be read: loading the backbone reports it."""
    from tokenizers import Tokenizer  # imported here so that the pages start without it

    tokenizer = Tokenizer.from_file(str(file))
    tokenizer.no_truncation()
    tokenizer.no_padding()
    tokenizer.encode_special_tokens = True  # a special token in a text is text
    return tokenizer
