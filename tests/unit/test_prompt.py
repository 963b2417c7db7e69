"""The mathematics of LampPrompt."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from lamp.config import LampConfig
from lamp.errors import ConfigError
from lamp.prompt import LampPrompt


def matrix(length: int = 20, hidden: int = 12, seed: int = 0) -> torch.Tensor:
    return torch.randn(length, hidden, generator=torch.Generator().manual_seed(seed))


def prompt(initial: torch.Tensor, **changes: Any) -> LampPrompt:
    return LampPrompt.from_matrix(initial, replace(LampConfig(prompt_length=20, rank=4, pooling=5), **changes))


def test_with_one_interaction_the_first_prompt_is_the_pooled_truncated_svd() -> None:
    initial = matrix()
    u, q, v = np.linalg.svd(initial.numpy(), full_matrices=False)
    truncated = u[:, :4] @ np.diag(q[:4]) @ v[:4]
    pooled = truncated.reshape(4, 5, 12).mean(axis=1)
    composed = prompt(initial, interactions=1)().detach().numpy()
    assert composed.shape == (4, 12)
    np.testing.assert_allclose(composed, pooled, atol=1e-5)


@pytest.mark.parametrize("interactions", [2, 3, 5])
def test_interactions_equal_the_sum_over_all_outer_products(interactions: int) -> None:
    initial = matrix()
    u, q, v = np.linalg.svd(initial.double().numpy(), full_matrices=False)
    u, q, v = u[:, :4], q[:4], v[:4]
    a = u * q
    g = a.T @ a / np.trace(a.T @ a)
    m = np.sum([np.linalg.matrix_power(g, power) for power in range(interactions)], axis=0)
    whole = np.sum([m[i, j] * q[i] * np.outer(u[:, i], v[j]) for i in range(4) for j in range(4)], axis=0)
    pooled = whole.reshape(4, 5, 12).mean(axis=1)
    np.testing.assert_allclose(prompt(initial, interactions=interactions)().detach().numpy(), pooled, atol=1e-5)


@pytest.mark.parametrize(("length", "hidden", "rank"), [(100, 768, 8), (20, 12, 4), (8, 5, 1)])
def test_the_trainable_numbers_are_r_times_l_plus_d_plus_one(length: int, hidden: int, rank: int) -> None:
    config = LampConfig(prompt_length=length, rank=rank, pooling=1)
    made = LampPrompt.from_matrix(matrix(length, hidden), config)
    count = sum(parameter.numel() for parameter in made.parameters())
    assert count == rank * (length + hidden + 1) == config.trainable_parameters(hidden)


def test_t5_base_trains_6952_numbers_instead_of_76800() -> None:
    assert LampConfig(prompt_length=100, rank=8).trainable_parameters(768) == 6952


def test_gradients_reach_every_factor() -> None:
    made = prompt(matrix(), interactions=2)
    made().square().sum().backward()
    for factor in (made.u, made.q, made.v):
        assert factor.grad is not None
        assert factor.grad.abs().sum() > 0


def test_gradients_are_those_of_the_formula() -> None:
    made = prompt(matrix(), interactions=3).double()
    factors = (made.u, made.q, made.v)

    def compose(u: torch.Tensor, q: torch.Tensor, v: torch.Tensor) -> torch.Tensor:
        return torch.func.functional_call(made, {"u": u, "q": q, "v": v}, ())

    assert torch.autograd.gradcheck(compose, factors)


def test_a_rank_larger_than_the_prompts_smaller_side_is_one_sentence() -> None:
    with pytest.raises(ConfigError) as caught:
        LampPrompt.from_matrix(matrix(), LampConfig(prompt_length=20, rank=13, pooling=5))
    assert caught.value.problems == (
        "The rank (13) is larger than the smaller side of the prompt (20 tokens of width 12): choose 12 or less.",
    )


def test_a_prompt_is_composed_in_full_precision_where_everything_else_is_not() -> None:
    prompt = LampPrompt.from_matrix(torch.randn(20, 16), LampConfig(prompt_length=20, rank=4))
    with torch.autocast("cpu", dtype=torch.bfloat16):
        composed = prompt()
    assert torch.equal(composed, prompt())
    assert composed.dtype == torch.float32
