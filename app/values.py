"""What the studio tells pages and scripts: frozen values."""

from __future__ import annotations

from dataclasses import dataclass

from lamp.data.truncation import Truncation


@dataclass(frozen=True)
class DatasetEntry:
    """A data set that can be picked: a sample of the studio's or an upload."""

    reference: str
    """"sample:<name>" or "upload:<sha256>"."""
    name: str
    rows: int
    columns: tuple[str, ...]


@dataclass(frozen=True)
class Preview:
    """A data set as the model will see it."""

    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    """The first rows, each cell as text."""
    row_count: int
    examples: tuple[tuple[str, str], ...]
    """(text that the model reads after the virtual tokens, target) of the first rows."""
    task: str
    """"classification" or "generation"."""
    labels: dict[str, int]
    """Rows of each label, most frequent first; empty for generation."""
    train_rows: int
    validation_rows: int
    problems: tuple[str, ...]
    """Sentences that say why this cannot be trained on; empty when it can."""


@dataclass(frozen=True)
class Estimate:
    """What a recipe will train, before it is started."""

    architecture: str
    hidden_size: int
    backbone_parameters: int
    trainable: int
    virtual_tokens: int
    steps: int
    epochs: float
    truncation: Truncation | None
    """Training inputs that will be cut; None where that cannot be told before the run."""
    seconds: float | None
    """What it will take if rows go as fast as in the last run on this backbone; None before there was one."""

    @property
    def share(self) -> float:
        """Trainable parameters as a share of the backbone's, between 0 and 1."""
        return self.trainable / self.backbone_parameters
