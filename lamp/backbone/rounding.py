"""How far apart two computations of the same logits may be and still count as the same."""

from __future__ import annotations

import torch
from torch import Tensor

_BOUNDS = {torch.float32: (1e-3, 1e-3), torch.float16: (4e-3, 0.02), torch.bfloat16: (0.02, 0.08)}
"""Number format → the tolerance where no rounding was measured, and the largest one.

One operation rounds by 6e-8, 5e-4 and 4e-3 of a number. Over the 30 layers of SmolLM2-135M that adds up to 2e-3 in
float16, so to 0.015 in bfloat16; deeper models, and experts that are chosen otherwise in a single token, may need more.
TF32 convolutions count as float32. Of the faults known, the smallest is 0.03 (RecurrentGemma's padding), and rows that
see their prompt wrongly are at 0.1 and more.
"""
_QUANTISED_BOUNDS = (0.05, 0.2)
"""The same for weights in 8 or 4 bits: LLM.int8 rounds a row otherwise in another batch."""
_TIMES_NOISE = 4.0
"""How much larger than the measured rounding a difference may be: it was measured on one row only."""


def distance(got: Tensor, wanted: Tensor) -> float:
    """Difference of logits (positions, vocabulary) as a share of their spread, on average of the positions.

    Only what distinguishes tokens counts: logits may differ by a constant.
    """
    got, wanted = (logits.detach().float() for logits in (got, wanted))
    got, wanted = (logits - logits.mean(-1, keepdim=True) for logits in (got, wanted))
    return float(((got - wanted).norm(dim=-1) / wanted.norm(dim=-1).clamp(min=1e-30)).mean())


def tolerance(dtype: torch.dtype, *, quantised: bool, noise: float) -> float:
    """The largest `distance` that is rounding; noise: that of two computations which differ by rounding alone."""
    smallest, largest = _QUANTISED_BOUNDS if quantised else _BOUNDS[dtype]
    return min(max(smallest, _TIMES_NOISE * noise), largest)
