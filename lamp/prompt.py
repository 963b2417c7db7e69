"""LampPrompt: the mathematics of the method (docs/method.md), and nothing else."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from lamp.config import LampConfig
from lamp.errors import ConfigError


class LampPrompt(nn.Module):
    """A soft prompt stored as the factors of a truncated SVD; its tokens interact and are then pooled.

    Its parameters are the trained values, and nothing else: `u` (l, r), `q` (r,) and `v` (r, d) in float32, r (l + d +
    1) values in all.
    """

    def __init__(self, u: Tensor, q: Tensor, v: Tensor, pooling: int, interactions: int) -> None:
        super().__init__()
        # The rounding of a matrix product depends on the memory layout of its operands. With contiguous factors a
        # resumed run, which reads them from a file, rounds like the run that got them from the SVD.
        self.u, self.q, self.v = (
            nn.Parameter(factor.detach().float().clone(memory_format=torch.contiguous_format)) for factor in (u, q, v)
        )
        self.pooling = pooling
        self.interactions = interactions

    @classmethod
    def from_matrix(cls, initial: Tensor, config: LampConfig) -> LampPrompt:
        """Decomposes an initial prompt (l, d) into its r largest singular triplets.

        Raises ConfigError when the rank exceeds l or d.
        """
        length, hidden = initial.shape
        if config.rank > min(length, hidden):
            raise ConfigError(
                [
                    f"The rank ({config.rank}) is larger than the smaller side of the prompt "
                    f"({length} tokens of width {hidden}): choose {min(length, hidden)} or less."
                ]
            )
        u, q, v = torch.linalg.svd(initial.detach().cpu().float(), full_matrices=False)
        return cls(u[:, : config.rank], q[: config.rank], v[: config.rank], config.pooling, config.interactions)

    @classmethod
    def of_zeros(cls, config: LampConfig, hidden: int) -> LampPrompt:
        """Creates a prompt whose factors have the right shapes and are all zero, to be filled from a checkpoint."""
        length, rank = config.prompt_length, config.rank
        return cls(
            torch.zeros(length, rank), torch.zeros(rank), torch.zeros(rank, hidden), config.pooling, config.interactions
        )

    @property
    def virtual_tokens(self) -> int:
        """l' = l / p: number of virtual tokens."""
        return self.u.shape[0] // self.pooling

    def factors(self) -> dict[str, Tensor]:
        """Copies of the factors on the CPU: u (l, r), q (r,), v (r, d)."""
        return {name: parameter.detach().cpu().clone() for name, parameter in self.named_parameters()}

    def interaction(self) -> Tensor:
        """M = I + G + ... + G^(K-1) with G = A'A / trace(A'A) and A = U diag(q): (r, r).

        G says how strongly two singular directions are associated through the tokens that they share. Its eigenvalues
        lie between 0 and 1 and sum to 1, so no term of the sum is larger than the one before.
        """
        a = self.u * self.q
        g = a.T @ a
        g = g / g.diagonal().sum()
        identity = torch.eye(len(self.q), dtype=g.dtype, device=g.device)
        m = identity
        for _ in range(self.interactions - 1):
            m = identity + g @ m
        return m

    def forward(self) -> Tensor:
        """The composed and pooled prompt: (l / p, d), float32.

        P = A M V is the sum over i, j of M_ij q_i (u_i outer v_j). The products are ordered so that no array of shape
        (r, l, d) or (l, l) is made. Pooling is linear, so it is applied to U first: the same result at 1/p of the cost.
        """
        length, rank = self.u.shape
        with torch.autocast(self.u.device.type, enabled=False):  # the factors are small, so full precision costs little
            pooled = self.u.view(length // self.pooling, self.pooling, rank).mean(dim=1)
            return ((pooled * self.q) @ self.interaction()) @ self.v
