"""Checks from the names of the tensors that the stored weights have as many layers as the config says."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

from lamp.errors import BackboneError
from lamp.model_files.text_config import text_config

_LAYER = re.compile(r"(.*?\b(?:layers|blocks|block|layer|h)\.)(\d+)\.")
_COUNT_KEYS = ("num_layers_per_stack", "num_hidden_layers", "num_layers", "n_layer", "n_layers")


def check_layers(reference: str, config: Mapping[str, Any], names: Iterable[str]) -> None:
    """Raises BackboneError if a layer that the config counts is not among the tensors' names.

    Weights that are missing in other places are noticed when the backbone is loaded.
    """
    text = text_config(config)
    wanted = next((text[key] for key in _COUNT_KEYS if isinstance(text.get(key), int)), 0)
    stored: dict[str, set[int]] = defaultdict(set)
    for name in names:
        if match := _LAYER.match(name):
            stored[match[1]].add(int(match[2]))
    if not stored:
        return
    prefix, indices = max(stored.items(), key=lambda item: len(item[1]))
    # Not as a set of all that are wanted: a config.json from anywhere may count any number of them.
    lacking = wanted - sum(0 <= index < wanted for index in indices)
    if lacking > 0:
        first = next(index for index in range(wanted) if index not in indices)
        raise BackboneError(
            f"The backbone {reference!r} is not whole: its config.json counts {wanted} layers, and the weights lack "
            f"{lacking} of them, such as {prefix}{first}: copy or download it again, or choose another one."
        )
