"""How long a run takes and how much memory it needs: what is measured, what is calculated, and the words for it."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from lamp.config import DataConfig, TrainConfig, TuneConfig
from lamp.data.encoding import Encoded
from lamp.data.row_length import guessed_longest_row
from lamp.errors import BackboneError
from lamp.hub.backbone_files import is_here
from lamp.hub.catalog import inspect
from lamp.hub.memory import training_bytes
from lamp.hub.model_shape import ModelShape, model_shape
from lamp.training import measuring, step
from lamp.training.measuring import measure
from lamp.training.other_programs import OtherPrograms
from lamp.training.quote import Measured, in_words
from lamp.training.step import train_together
from lamp.training.trainer import PromptTrainer, prompt_losses
from tests.unit.training import recipe, splits_of

PARTS = Measured(
    starting_seconds=10.0,
    step_seconds=2.0,
    together=5,
    together_seconds=6.0,
    scoring_seconds=3.0,
    testing_seconds=7.0,
    memory_of_one=1_000_000_000,
    memory_of_all=3_000_000_000,
    micro_batch=32,
    halved=False,
    step_lengths=(50,) * 9 + (100,) * 91,
    longest_row=100,
    other_programs=0.0,
)


def test_the_whole_is_every_step_every_scoring_the_start_and_the_end() -> None:
    fixed = TrainConfig(steps=100, evaluate_every=50, learning_rate=0.04)
    assert PARTS.seconds(fixed) == pytest.approx(10 + 100 * 2 + 3 * 3 + 7)


def test_each_further_prompt_of_a_search_adds_its_share_of_a_step() -> None:
    train = TrainConfig(steps=100, evaluate_every=50)  # five prompts up to step 10, three to 16, two to 26, then one
    steps = 10 * 6 + 6 * 4 + 10 * 3 + 74 * 2
    scorings = 5 + 3 + 2 + 2 + 1
    assert PARTS.seconds(train) == pytest.approx(10 + steps + 3 * scorings + 7)


def test_a_measurement_is_the_same_after_json_and_anything_else_is_refused() -> None:
    assert Measured.from_dict(PARTS.to_dict()) == PARTS
    assert Measured.from_dict(json.loads(json.dumps(PARTS.to_dict()))) == PARTS
    for broken in ({}, {**PARTS.to_dict(), "memory_of_all": None}, {**PARTS.to_dict(), "step_seconds": "long"}):
        with pytest.raises(ValueError):
            Measured.from_dict(broken)


def test_memory_is_that_of_the_longest_rows_that_come_while_most_prompts_are_trained() -> None:
    """Of 8 rows each, four prompts are read at a time: 32 rows need 3 GB at 100 tokens, 8 rows need 1 GB."""
    train = TrainConfig(steps=90, batch_size=8)  # five prompts up to step 9
    short_first = replace(PARTS, step_lengths=(25,) * 9 + (50,) * 81)
    assert PARTS.memory(replace(train, steps=500)) == 3_000_000_000, "longer than what is known of its steps"
    assert PARTS.memory(replace(train, steps=100)) == 3_000_000_000, "the tenth step has long rows"
    assert PARTS.memory(train) == 1_000_000_000 + 2_000_000_000 * (24 - 8) // 24, "24 rows of three prompts"
    assert short_first.memory(train) == 1_000_000_000 + 2_000_000_000 * (12 - 8) // 24
    assert PARTS.memory(replace(train, batch_size=32)) == 3_000_000_000, "a batch of one prompt is as large"
    one = replace(PARTS, together=1, memory_of_all=PARTS.memory_of_one)
    assert one.memory(replace(train, learning_rate=0.04)) == 1_000_000_000


def test_a_measurement_beside_busy_programs_says_so() -> None:
    assert PARTS.remarks() == []
    (remark,) = replace(PARTS, other_programs=0.65).remarks()
    assert remark.startswith("Other programs took 65 % of the processor meanwhile")


def test_other_programs_are_told_from_this_one() -> None:
    others = OtherPrograms()
    with subprocess.Popen([sys.executable, "-c", "while True: pass"]) as busy:
        time.sleep(0.5)
        during = others.share()
        busy.kill()
    assert 0 <= others.share() <= 1 and during > 0


@pytest.mark.parametrize(
    ("seconds", "memory", "words"),
    [
        (240.0, 1_900_000_000, "About 4 minutes, 1.9 GB of memory"),
        (62.0, 1_900_000_000, "About 1 minute, 1.9 GB of memory"),
        (20.0, 300_000_000, "Less than a minute, 300 MB of memory"),
        (3 * 3600.0, 2_000_000_000, "About 3.0 hours, 2.0 GB of memory"),
        (None, 1_900_000_000, "About 1.9 GB of memory"),
    ],
)
def test_time_and_memory_in_words(seconds: float | None, memory: int, words: str) -> None:
    assert in_words(seconds, memory) == words


class Steps:
    """What the trainer was asked to train on: for each step the rows of each prompt."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.taken: list[Sequence[Sequence[Encoded]]] = []

        def record(trainer: PromptTrainer, rows: Sequence[Sequence[Encoded]], rates: Sequence[float]) -> Any:
            self.taken.append(rows)
            return train_together(trainer, rows, rates)

        monkeypatch.setattr(measuring, "train_together", record)


@pytest.mark.parametrize("backbone", ["tiny_llama", "tiny_t5"])
def test_all_prompts_of_the_search_and_one_take_steps_on_the_longest_rows_and_on_typical_ones(
    backbone: str, tiny_table: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    steps = Steps(monkeypatch)
    config = recipe(request.getfixturevalue(backbone), learning_rate="found", accumulation=2)
    phases: list[str] = []
    measured = measure(config, splits_of(config, tiny_table), time.perf_counter(), on_phase=phases.append)
    assert [len(rows) for rows in steps.taken] == 6 * [1] + 6 * [5]
    assert {len(own) for rows in steps.taken for own in rows} == {8}
    lengths = [[row.length for row in rows[0]] for rows in steps.taken]
    assert lengths[0] == lengths[1] == lengths[6] and min(lengths[0]) >= max(map(min, lengths[3:6]))
    assert measured.together == 5
    assert min(measured.step_seconds, measured.together_seconds, measured.scoring_seconds) > 0
    assert measured.starting_seconds > 0 and measured.testing_seconds > 0
    assert measured.memory_of_all >= measured.memory_of_one > 10**8
    assert not measured.halved and 0 <= measured.other_programs <= 1
    assert len(measured.step_lengths) == config.train.steps and max(lengths[0]) == measured.longest_row
    assert phases == ["Loading the model", "Reading the rows", "Measuring"]


def test_a_fixed_rate_is_measured_with_its_one_prompt(
    tiny_llama: Path, tiny_table: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps, config = Steps(monkeypatch), recipe(tiny_llama)
    measured = measure(config, splits_of(config, tiny_table), time.perf_counter())
    assert [len(rows) for rows in steps.taken] == 6 * [1]
    assert (measured.together, measured.together_seconds) == (1, measured.step_seconds)


def test_writing_answers_is_measured_where_the_run_ends_with_it(tiny_llama: Path, tiny_table: Path) -> None:
    config = recipe(tiny_llama)
    config = replace(config, data=replace(config.data, task="generation", max_target_tokens=4))
    measured = measure(config, splits_of(config, tiny_table), time.perf_counter())
    assert measured.testing_seconds > 0


def test_a_step_that_takes_long_is_taken_once(
    tiny_llama: Path, tiny_table: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps, config = Steps(monkeypatch), recipe(tiny_llama)
    monkeypatch.setattr(measuring, "_PATIENCE", 0.0)
    measured = measure(config, splits_of(config, tiny_table), time.perf_counter())
    assert len(steps.taken) == 2, "one on the longest rows, one on those of the middle"
    assert measured.step_seconds > 0


def test_rows_at_a_time_are_told_where_memory_is_too_small_for_a_batch(
    tiny_llama: Path, tiny_table: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def small(trainer: PromptTrainer, numbers: Any, batch: Any) -> torch.Tensor:
        if len(batch.input_ids) > 2:
            raise torch.OutOfMemoryError
        return prompt_losses(trainer, numbers, batch)

    monkeypatch.setattr(step, "prompt_losses", small)
    config = recipe(tiny_llama)
    measured = measure(config, splits_of(config, tiny_table), time.perf_counter())
    assert measured.halved and measured.micro_batch == 2
    assert "2 rows at most are read at a time" in measured.remarks()[0]


def test_what_keeps_the_run_from_going_keeps_it_from_being_measured(tiny_llama: Path, tiny_table: Path) -> None:
    config = recipe(tiny_llama)
    config = replace(config, lamp=replace(config.lamp, prompt_length=1000, pooling=1))
    with pytest.raises(BackboneError, match=r"The longest row takes \d+ positions"):
        measure(config, splits_of(config, tiny_table), time.perf_counter())


def test_memory_is_calculated_from_the_backbone_the_batch_and_the_options(tiny_llama: Path) -> None:
    backbone = inspect(str(tiny_llama))
    large = replace(backbone, parameters=10**9, hidden_size=2048, shape=ModelShape(16, 0, 2048, 8192, 32, 128_000))

    def memory(prompts: int = 1, row: tuple[int, int] = (100, 4), on_gpu: bool = False, **train: Any) -> int:
        config = TuneConfig("x", DataConfig(("text",), "label"), train=TrainConfig(**{"precision": "bf16", **train}))
        width = 4 if config.train.precision == "fp32" else 2
        return training_bytes(large, config, width, on_cpu=not on_gpu, longest_row=row, prompts=prompts)

    usual = memory()
    assert usual > 2 * large.parameters
    assert memory(batch_size=64) > memory(batch_size=32) > memory(batch_size=8)
    assert memory(row=(200, 4)) > usual > memory(row=(50, 4))
    assert memory(precision="fp32") > usual + 2 * large.parameters
    assert memory(gradient_checkpointing=True) < 0.7 * usual
    assert memory(on_gpu=True, quantization="4bit") < memory(on_gpu=True, quantization="8bit") < memory(on_gpu=True)
    assert memory(5, on_gpu=True) > 3 * (memory(1, on_gpu=True) - 2 * large.parameters)
    assert memory(5) < 1.05 * memory(1), "a CPU reads no more rows at a time for several prompts"


@pytest.mark.parametrize(
    ("config", "shape"),
    [
        (
            {"num_hidden_layers": 30, "num_attention_heads": 9, "intermediate_size": 1536, "vocab_size": 49152},
            ModelShape(30, 0, 768, 1536, 9, 49152),
        ),
        ({"n_layer": 12, "n_head": 12, "n_inner": None, "vocab_size": 50257}, ModelShape(12, 0, 768, 3072, 12, 50257)),
        (
            {"is_encoder_decoder": True, "num_layers": 12, "num_heads": 12, "d_ff": 3072, "vocab_size": 32128},
            ModelShape(12, 12, 768, 3072, 12, 32128),
        ),
        ({"text_config": {"num_hidden_layers": 4, "num_attention_heads": 2}}, ModelShape(4, 0, 768, 3072, 2, 0)),
    ],
    ids=["llama", "gpt2", "t5", "nested"],
)
def test_shapes_are_read_from_the_configs_of_each_family(config: dict[str, Any], shape: ModelShape) -> None:
    assert model_shape(config, 768) == shape


def test_a_backbone_is_here_when_its_weights_are(tiny_llama: Path) -> None:
    assert is_here(str(tiny_llama))
    assert not is_here("org/never-fetched")


def test_the_longest_row_is_guessed_up_to_the_recipes_limits(tiny_llama: Path, tiny_table: Path) -> None:
    config = recipe(tiny_llama)
    splits = splits_of(config, tiny_table)
    inputs, targets = guessed_longest_row(splits, config.data)
    assert 5 < inputs < 60 and 2 < targets < 10
    assert guessed_longest_row(splits, replace(config.data, max_input_tokens=5, max_target_tokens=1)) == (5, 1)
