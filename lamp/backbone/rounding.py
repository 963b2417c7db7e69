"""Decides whether two computations of the same logits differ only by rounding."""

from __future__ import annotations

import torch
from torch import Tensor

_BOUNDS = {torch.float32: (1e-3, 1e-3), torch.float16: (4e-3, 0.02), torch.bfloat16: (0.02, 0.08)}
"""Number format → the tolerance if no rounding was measured, and the largest one.

One operation rounds by 6e-8, 5e-4 and 4e-3 of a number. Over the 30 layers of SmolLM2-135M that adds up to 2e-3 in
float16, so to 0.015 in bfloat16; deeper models, and mixtures of experts where rounding changes the choice of an expert,
may need more. TF32 convolutions count as float32. Of the known faults, the smallest is 0.03 (RecurrentGemma's padding);
rows that see their prompt wrongly differ by 0.1 and more.
"""
_QUANTISED_BOUNDS = (0.05, 0.2)
"""The same for weights in 8 or 4 bits: LLM.int8 rounds a row differently in another batch."""
_TIMES_NOISE = 4.0
"""Factor on the measured rounding up to which a difference is accepted, because only one row was measured."""


def distance(got: Tensor, wanted: Tensor) -> float:
    """Returns the difference of logits (positions, vocabulary) as a share of their spread, averaged over positions.

    A constant added to all logits of a position does not count, because it changes no probability.
    """
    got, wanted = (logits.detach().float() for logits in (got, wanted))
    got, wanted = (logits - logits.mean(-1, keepdim=True) for logits in (got, wanted))
    return float(((got - wanted).norm(dim=-1) / wanted.norm(dim=-1).clamp(min=1e-30)).mean())


def tolerance(dtype: torch.dtype, *, quantised: bool, noise: float) -> float:
    """Returns the largest `distance` that counts as rounding; noise: `distance` between computations that differ only
    by rounding."""
    smallest, largest = _QUANTISED_BOUNDS if quantised else _BOUNDS[dtype]
    return min(max(smallest, _TIMES_NOISE * noise), largest)
