"""A key-value cache at a fixed address in memory, as a recorded step needs it."""

from __future__ import annotations

from typing import Any

from torch import Tensor
from transformers.cache_utils import DynamicLayer, StaticCache, StaticLayer

_WINDOWS = "not every layer attends to the whole text"


def bytes_of_column(cache: Any) -> int:
    """Returns the bytes of one column of a cache in all rows and layers.

    Raises RuntimeError if a FixedCache cannot hold such a cache.
    """
    if not all(type(layer) is DynamicLayer for layer in cache.layers):
        raise RuntimeError(_WINDOWS)
    columns = (states[:, :, :1] for layer in cache.layers for states in (layer.keys, layer.values))
    return sum(column.numel() * column.element_size() for column in columns)


class FixedCache(StaticCache):
    """Keys and values in a fixed number of columns, one of which each step writes.

    transformers' layers would find this column with a counter for each layer: four more kernels for each.
    """

    def __init__(self, config: Any, like: Any, columns: int, column: Tensor) -> None:
        """like: a cache with as many rows; column: (1,), the index of the column that a step writes."""
        super().__init__(config, columns)
        self._column = column
        if not all(type(layer) is StaticLayer for layer in self.layers):
            raise RuntimeError(_WINDOWS)
        pairs: Any = zip(self.layers, like.layers, strict=True)
        for layer, read in pairs:
            layer.keys, layer.values = (
                states.new_zeros(*states.shape[:2], columns, states.shape[3]) for states in (read.keys, read.values)
            )
            layer.is_initialized = True

    def load(self, cache: Any) -> None:
        """Copies the keys and values of a cache with as many rows, and clears the columns after them."""
        pairs: Any = zip(self.layers, cache.layers, strict=True)
        for layer, read in pairs:
            for ours, given in ((layer.keys, read.keys), (layer.values, read.values)):
                ours[:, :, : given.shape[2]].copy_(given)
                ours[:, :, given.shape[2] :].zero_()  # hidden, but no number there would spoil a row all the same

    def update(
        self, key_states: Tensor, value_states: Tensor, layer_idx: int, *_: Any, **__: Any
    ) -> tuple[Tensor, Tensor]:
        """Writes one column of a layer, and returns all columns: (rows, heads, columns, width)."""
        layer: Any = self.layers[layer_idx]
        layer.keys.index_copy_(2, self._column, key_states)
        layer.values.index_copy_(2, self._column, value_states)
        return layer.keys, layer.values
