"""What the training tests share: a listener that remembers, and a recipe of a second."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from lamp.config import DataConfig, LampConfig, TrainConfig, TuneConfig
from lamp.data.splits import Splits, prepare
from lamp.data.tables import read_table
from lamp.training.reporter import Sample
from lamp.training.result import TrainResult
from lamp.training.train import train


class Recorder:
    """A Reporter that keeps everything and asks for a stop after a given step."""

    def __init__(self, stop_after: int | None = None) -> None:
        self.values: list[tuple[int, dict[str, float]]] = []
        self.notes: list[str] = []
        self.phases: list[str] = []
        self.parts: list[tuple[str, float]] = []
        self.sampled: list[tuple[int, tuple[Sample, ...]]] = []
        self.stop_after = stop_after

    def log(self, step: int, values: Mapping[str, float]) -> None:
        self.values.append((step, dict(values)))

    def phase(self, text: str) -> None:
        self.phases.append(text)

    def part(self, share: float) -> None:
        self.parts.append((self.phases[-1], share))

    def note(self, text: str) -> None:
        self.notes.append(text)

    def samples(self, step: int, rows: Sequence[Sample]) -> None:
        self.sampled.append((step, tuple(rows)))

    def should_stop(self) -> bool:
        return self.stop_after is not None and len(self.losses) >= self.stop_after

    @property
    def losses(self) -> dict[int, float]:
        return {step: values["loss"] for step, values in self.values if "loss" in values}


def recipe(backbone: Path, **train_changes: Any) -> TuneConfig:
    return TuneConfig(
        backbone=str(backbone),
        data=DataConfig(("text",), "label", validation_share=0.2),
        lamp=LampConfig(prompt_length=20, rank=4, pooling=5, interactions=2),
        train=replace(
            TrainConfig(
                steps=12, batch_size=4, learning_rate=0.04, evaluate_every=5, checkpoint_every=5, precision="fp32"
            ),
            **train_changes,
        ),
    )


def splits_of(config: TuneConfig, table: Path) -> Splits:
    return prepare(read_table(table), config.data)


def run(
    config: TuneConfig, table: Path, checkpoints: Path, stop_after: int | None = None
) -> tuple[TrainResult, Recorder]:
    recorder = Recorder(stop_after)
    return train(config, splits_of(config, table), recorder, checkpoints), recorder
