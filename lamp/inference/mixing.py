"""Combines two prompts: blends them, or puts one after the other."""

from __future__ import annotations

import torch
from torch import Tensor

from lamp.errors import DataError


def blend(first: Tensor, second: Tensor, share: float) -> Tensor:
    """Mixes two prompts token by token: `share` of the first, the rest of the second; all are (l', hidden).

    share: 0 to 1; 1 returns the first prompt bit for bit, 0 the second. Raises DataError when their lengths differ.
    """
    if first.shape != second.shape:
        raise DataError(
            f"Prompts of {len(first)} and {len(second)} virtual tokens cannot be blended: choose another of "
            f"{len(first)}, or put one after the other."
        )
    return torch.lerp(second, first, share)


def one_after_the_other(first: Tensor, second: Tensor) -> Tensor:
    """Concatenates the virtual tokens of the first prompt and the second: (l'1 + l'2, hidden)."""
    return torch.cat([first, second])
