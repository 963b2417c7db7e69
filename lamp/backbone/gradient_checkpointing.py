"""Gradient checkpointing: the backward pass recomputes activations instead of keeping them in memory."""

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
    """Makes every layer keep only its inputs and recompute its activations in the backward pass.

    Losses and gradients stay the same, with the memory of one layer instead of all (Chen et al. 2016). Frozen weights
    get no gradients, so a backward pass costs about as much as a forward pass; the second forward pass therefore adds
    about half of a step's time. transformers' own gradient checkpointing works without a cache, so it would read the
    prompt again for every row.
    """
    for layer in model.modules():
        if isinstance(layer, GradientCheckpointingLayer):
            layer.forward = partial(_checkpointed, layer.forward)


def _checkpointed(forward: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    """Computes one layer, checkpointed unless it extends a cache.

    A layer that extends a cache, as when a prompt is read, must not run twice: it would extend the cache twice.
    """
    extends_cache = any(
        isinstance(argument, DynamicCache) and not isinstance(argument, SharedCache)
        for argument in (*args, *kwargs.values())
    )
    if extends_cache or not torch.is_grad_enabled():
        return forward(*args, **kwargs)
    return checkpoint(forward, *args, use_reentrant=False, preserve_rng_state=False, **kwargs)
