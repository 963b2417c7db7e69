"""How far back a model's attention reaches, from its config: transformers measures that in columns of a batch."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

_WINDOW_KEYS = {
    "attention_chunk_size",
    "attention_window",
    "attention_window_size",
    "local_attention",
    "sliding_window",
    "sliding_window_size",
    "window_size",
}


def attention_window(config: Mapping[str, Any]) -> int | None:
    """Columns that the shortest attention window or chunk of any layer holds; None where every layer sees all.

    A window that the config names and no layer uses counts as well: reading rows as if there were one is only slower.
    """
    return min(_windows(config), default=None)


def _windows(config: Mapping[str, Any]) -> Iterator[int]:
    for key, value in config.items():
        if isinstance(value, Mapping):
            yield from _windows(value)
        elif key in _WINDOW_KEYS and isinstance(value, int) and value > 0:
            yield value
