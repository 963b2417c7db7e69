"""The input of a forward pass."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor


@dataclass(frozen=True)
class Batch:
    """Padded token ids of several rows."""

    input_ids: Tensor
    """(batch, input length)"""
    input_mask: Tensor
    """(batch, input length), 1 where there is a token"""
    target_ids: Tensor
    """(batch, target length)"""
    target_mask: Tensor
    """(batch, target length), 1 where there is a token"""
    target_weights: Tensor
    """(batch, target length), the weight of each token in its row's loss, 0 for padding"""
