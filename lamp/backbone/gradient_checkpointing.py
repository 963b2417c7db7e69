"""Layers that are computed again in the backward pass rather than kept: gradient checkpointing."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch.utils.checkpoint import checkpoint
from transformers import DynamicCache
from transformers.modeling_layers import GradientCheckpointingLayer

from lamp.backbone.prefix import SharedCache


def enable_gradient_checkpointing(model: torch.nn.Module) -> None:
    """From now on the layers of a model keep only what they were given, and compute the rest again backwards.

    The same numbers with the memory of one layer in place of all (Chen et al. 2016). Frozen weights get no gradients,
    so that reading backwards costs about as much as reading forwards, and this half as much again as both.
    transformers' own way does without a cache, and so would read the prompt again with every row.
    """
    for layer in model.modules():
        if isinstance(layer, GradientCheckpointingLayer):
            layer.forward = partial(_recomputed, layer.forward)


def _recomputed(forward: Callable[..., Any], *given: Any, **named: Any) -> Any:
    """One layer; a cache that the layer writes into can be read but once, as when a prompt is read."""
    writes = any(
        isinstance(one, DynamicCache) and not isinstance(one, SharedCache) for one in (*given, *named.values())
    )
    if writes or not torch.is_grad_enabled():
        return forward(*given, **named)
    return checkpoint(forward, *given, use_reentrant=False, preserve_rng_state=False, **named)
