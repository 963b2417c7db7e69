"""Two prompts made into one: blended, or one after the other."""

from __future__ import annotations

import torch
from torch import Tensor

from lamp.errors import DataError


def blend(first: Tensor, second: Tensor, share: float) -> Tensor:
    """`share` of the first prompt and the rest of the second, token by token: (l', hidden), as both are.

    share: 0 to 1; with 1 the first prompt comes back bit for bit, with 0 the second. Raises DataError when the prompts
    are of different lengths.
    """
    if first.shape != second.shape:
        raise DataError(
            f"Prompts of {len(first)} and {len(second)} virtual tokens cannot be blended: choose another of "
            f"{len(first)}, or put one after the other."
        )
    return torch.lerp(second, first, share)


def one_after_the_other(first: Tensor, second: Tensor) -> Tensor:
    """The first prompt's virtual tokens, then the second's: (l'1 + l'2, hidden)."""
    return torch.cat([first, second])
