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
"""Inputs that are counted; of more, this many at even distances."""


@dataclass(frozen=True)
class TooLong:
    """Inputs that will lose tokens before their template's tail."""

    rows: int
    """Scaled up where not all were counted"""
    exact: bool


def too_long(backbone: str, texts: Sequence[str], limit: int) -> TooLong | None:
    """Inputs of more than `limit` tokens; None where the backbone's tokenizer.json is not on this machine.

    backbone: a folder, or a Hub id whose files may lie in the Hub's cache.
    """
    file = _tokenizer_file(backbone)
    if file is None or not texts:
        return None
    stride = max(1, -(-len(texts) // MOST_COUNTED))
    counted = list(texts[::stride])
    try:
        found = sum(len(encoding.ids) > limit for encoding in _tokenizer(file).encode_batch_fast(counted))
    except Exception:  # all that tokenizers raises for a file it does not understand; loading the backbone will say so
        return None
    return TooLong(round(found * len(texts) / len(counted)), exact=stride == 1)


def _tokenizer_file(backbone: str) -> Path | None:
    folder = Path(backbone).expanduser()
    if folder.is_dir():
        file = folder / "tokenizer.json"
        return file if file.is_file() else None
    from huggingface_hub import try_to_load_from_cache

    cached = try_to_load_from_cache(backbone, "tokenizer.json")
    return Path(cached) if isinstance(cached, str) else None


@lru_cache(maxsize=4)
def _tokenizer(file: Path) -> Tokenizer:
    from tokenizers import Tokenizer  # late: the pages start without it

    tokenizer = Tokenizer.from_file(str(file))
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return tokenizer
