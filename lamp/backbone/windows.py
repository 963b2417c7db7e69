"""The attention window of a model, from its config; transformers measures it in columns of a batch."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

_WINDOW = re.compile(r"window|attention_chunk|local_attention")
_OTHER_NUMBERS = re.compile(r"layer|pattern|prob|^(n|num)_")
"""Config keys that contain a window's name but are no length, such as max_window_layers."""


def attention_window(config: Mapping[str, Any]) -> int | None:
    """Returns the columns of the shortest attention window or chunk of any layer; None if every layer sees everything.

    A window in the config that no layer uses counts too: assuming one is safe, only slower.
    """
    return min(_windows(config), default=None)


def _windows(config: Mapping[str, Any]) -> Iterator[int]:
    for name, value in config.items():
        key = str(name)  # names of labels stand behind numbers
        if isinstance(value, Mapping):
            yield from _windows(value)
        elif _WINDOW.search(key) and not _OTHER_NUMBERS.search(key):
            lengths = value if isinstance(value, list | tuple) else [value]
            yield from (length for length in lengths if type(length) is int and length > 0)
