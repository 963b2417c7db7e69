"""A training step by itself: what it moves, what it refuses, and what it does where memory is short."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path

import pytest
import torch

import lamp.training.step
import lamp.training.trainer
from lamp.backbone.batch import Batch
from lamp.backbone.forward import target_log_likelihood
from lamp.backbone.frozen import FrozenBackbone
from lamp.config import DataConfig, TrainConfig
from lamp.data.encoding import Encoded, Encoder
from lamp.data.splits import Example
from lamp.errors import TrainingError
from lamp.prompt import LampPrompt
from lamp.training.step import LossDiverged, train_step
from lamp.training.trainer import PromptTrainer
from tests.unit.training import recipe, run


@pytest.fixture
def rows_and_trainer(tiny_llama: Path) -> tuple[Sequence[Encoded], PromptTrainer]:
    torch.manual_seed(0)
    backbone = FrozenBackbone.load(str(tiny_llama), precision="fp32")
    encoder = Encoder(backbone.tokenizer, is_encoder_decoder=False, config=DataConfig(("text",), "label"))
    rows = encoder.encode([Example(f"the film was {word}", word, "") for word in ("good", "bad", "dull", "bright")])
    prompt = LampPrompt.from_matrix(torch.randn(10, backbone.hidden_size), recipe(tiny_llama).lamp)
    collate = partial(encoder.batch, device=backbone.device)
    return rows, PromptTrainer.create(backbone, [prompt], collate, TrainConfig(batch_size=4))


def factors(trainer: PromptTrainer) -> list[torch.Tensor]:
    return [parameter.detach().clone() for parameter in trainer.prompts[0].prompt.parameters()]


def test_a_step_moves_every_factor_by_at_most_the_learning_rate_and_lowers_the_loss(
    rows_and_trainer: tuple[Sequence[Encoded], PromptTrainer],
) -> None:
    rows, trainer = rows_and_trainer
    before = factors(trainer)
    first = train_step(trainer, rows, learning_rate=1e-3)
    moves = [(new - old).abs().max().item() for new, old in zip(factors(trainer), before, strict=True)]
    assert all(0 < move <= 1.001e-3 for move in moves)  # what Adam's first step can do
    later = [train_step(trainer, rows, learning_rate=1e-3).loss for _ in range(5)]
    assert later[-1] < first.loss


def test_a_loss_that_is_no_number_moves_nothing(
    rows_and_trainer: tuple[Sequence[Encoded], PromptTrainer], monkeypatch: pytest.MonkeyPatch
) -> None:
    rows, trainer = rows_and_trainer
    before = factors(trainer)
    diverge_at(1, monkeypatch)
    with pytest.raises(LossDiverged, match="nan"):
        train_step(trainer, rows, learning_rate=1e-3)
    assert all(torch.equal(new, old) for new, old in zip(factors(trainer), before, strict=True))


def test_a_parameter_group_can_have_a_rate_of_its_own(
    rows_and_trainer: tuple[Sequence[Encoded], PromptTrainer],
) -> None:
    rows, trainer = rows_and_trainer
    groups = [
        {"params": [p], "rate_scale": scale}
        for p, scale in zip(trainer.prompts[0].prompt.parameters(), (0, 1, 2), strict=True)
    ]
    trainer.prompts[0].adamw = torch.optim.AdamW(groups, weight_decay=0.0)
    before = factors(trainer)
    train_step(trainer, rows, learning_rate=1e-3)
    moves = [(new - old).abs().max().item() for new, old in zip(factors(trainer), before, strict=True)]
    assert moves == pytest.approx([0.0, 1e-3, 2e-3], rel=1e-2)


def test_accumulated_micro_batches_give_the_losses_of_one_large_batch(
    tiny_llama: Path, tiny_table: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = recipe(tiny_llama, batch_size=8, steps=6)
    _, whole = run(config, tiny_table, tmp_path / "whole")
    original = target_log_likelihood
    tried: list[int] = []

    def small_memory(backbone: FrozenBackbone, virtual: torch.Tensor, batch: Batch, **options: bool) -> torch.Tensor:
        tried.append(len(batch.input_ids))
        if len(batch.input_ids) > 2:
            raise torch.OutOfMemoryError("out of memory")
        return original(backbone, virtual, batch, **options)

    monkeypatch.setattr(lamp.training.trainer, "target_log_likelihood", small_memory)
    _, parts = run(config, tiny_table, tmp_path / "parts")
    assert tried[:3] == [8, 4, 2]
    assert max(tried[3:]) == 2
    assert sum("Out of memory" in note for note in parts.notes) == 2
    assert list(parts.losses.values()) == pytest.approx(list(whole.losses.values()), rel=1e-4)


def test_a_row_that_does_not_fit_alone_is_one_sentence(
    tiny_llama: Path, tiny_table: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_memory(*_: object, **__: object) -> torch.Tensor:
        raise torch.OutOfMemoryError("out of memory")

    monkeypatch.setattr(lamp.training.trainer, "target_log_likelihood", no_memory)
    with pytest.raises(TrainingError, match=r"A single row of .* tokens does not fit"):
        run(recipe(tiny_llama), tiny_table, tmp_path)


def diverge_at(step: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Lets the loss of a step be no number."""
    original = target_log_likelihood
    calls: list[int] = []

    def diverging(backbone: FrozenBackbone, virtual: torch.Tensor, batch: Batch, **options: bool) -> torch.Tensor:
        calls.append(1)
        return original(backbone, virtual, batch, **options) * (float("nan") if len(calls) == step else 1.0)

    monkeypatch.setattr(lamp.training.trainer, "target_log_likelihood", diverging)


def test_a_loss_that_is_not_finite_before_the_first_score_is_one_sentence(
    tiny_llama: Path, tiny_table: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    diverge_at(3, monkeypatch)
    with pytest.raises(TrainingError, match=r"became nan at step 3 with a learning rate of .* precision fp32\.$"):
        run(recipe(tiny_llama), tiny_table, tmp_path)


def test_a_loss_that_is_not_finite_later_on_ends_the_run_with_its_last_good_prompt(
    tiny_llama: Path, tiny_table: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    good, _ = run(recipe(tiny_llama, steps=5, warmup_share=0.0), tiny_table, tmp_path / "good")
    diverge_at(8, monkeypatch)
    result, recorder = run(recipe(tiny_llama, warmup_share=0.0), tiny_table, tmp_path / "bad")
    assert result.failure.startswith("The loss became nan at step 8 with a learning rate of 0.04: try a smaller one")
    assert result.failure.endswith("the prompt of step 5, the best one so far, was kept.")
    assert (result.best_step, result.step) == (5, 7)
    assert result.final.scores.keys() == good.final.scores.keys()
    assert result.virtual_tokens.isfinite().all()
    assert [path.name for path in (tmp_path / "bad").glob("step-*")] == ["step-00000005"]
    assert max(recorder.losses) == 7
