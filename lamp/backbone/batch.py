"""What a forward pass reads: padded token ids of some rows."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor


@dataclass(frozen=True)
class Batch:
    """Padded token ids of some rows."""

    input_ids: Tensor
    """(batch, input length)"""
    input_mask: Tensor
    """(batch, input length), 1 where there is a token"""
    target_ids: Tensor
    """(batch, target length)"""
    target_mask: Tensor
    """(batch, target length), 1 where there is a token"""
    target_weights: Tensor
    """(batch, target length), how much each token counts in its row's loss"""
