"""The result of checking a recipe before it is started: frozen values without Gradio."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from app.access.quotas import Used
from app.machine.fit import Fit
from lamp.config import TrainConfig
from lamp.data.column_roles import ColumnRole


@dataclass(frozen=True)
class ReadRow:
    """A row as the model reads it."""

    number: int
    """Of the data set's rows, from 1."""
    text: str
    """What is read after the virtual tokens."""
    cut: str
    """What comes then and is too long to be read; empty when nothing is, or when that is unknown before the run."""
    end: str
    """What is read after that."""
    target: str


@dataclass(frozen=True)
class Preview:
    """A data set as the model will see it."""

    dataset_name: str
    columns: tuple[str, ...]
    column_roles: tuple[ColumnRole, ...]
    """What is proposed for each column, with the reason, when the chosen target is answered."""
    rows: tuple[dict[str, str], ...]
    """The first rows: column → cell, long ones cut."""
    row_count: int
    read: tuple[ReadRow, ...]
    """The first row that is learned from, and the longest one if it is cut; empty while nothing can be learned."""
    task: str
    """"classification" or "generation"; empty when nothing can be learned from the rows."""
    labels: dict[str, int]
    """Rows of each label, most frequent first; empty for generation."""
    train_rows: int
    validation_rows: int
    test_rows: int
    notes: tuple[str, ...]
    """How the file was read, where that was no matter of course: short sentences."""


class Pace(Protocol):
    """How fast a recipe trains on this machine."""

    def seconds(self, train: TrainConfig) -> float:
        """Seconds of a whole run."""


@dataclass(frozen=True)
class Quote:
    """How long a run takes and how much memory it needs."""

    seconds: float | None
    """None before anything is known: it was not measured, and no run has trained on this backbone."""
    memory: int
    """Bytes at the peak: of the GPU where there is one, else of the worker's process."""
    measured: bool
    """Whether time and memory were measured on this machine, with this recipe and these rows. If not, the time is that
    of the last run on this backbone, and the memory is calculated."""
    on_gpu: bool
    remarks: tuple[str, ...]
    """What should be known beside a measurement, one sentence each."""
    measurable: bool
    """Whether the backbone is on this machine, so that it can be measured."""
    pace: Pace | None = None
    """What `seconds` is calculated from."""
    elsewhere: str = ""
    """Where the run goes on if not on this machine, and what that costs, in a sentence."""

    def seconds_of(self, train: TrainConfig) -> float | None:
        """Seconds of a run that differs in its number of steps and in how often it is scored."""
        return self.pace.seconds(train) if self.pace else None


@dataclass(frozen=True)
class Estimate:
    """What a recipe will train."""

    architecture: str
    hidden_size: int
    backbone_parameters: int
    trainable: int
    virtual_tokens: int
    steps: int
    epochs: float
    quote: Quote

    @property
    def share(self) -> float:
        """Trainable parameters as a share of the backbone's, between 0 and 1."""
        return self.trainable / self.backbone_parameters


@dataclass(frozen=True)
class Plan:
    """Everything that was found out about a recipe and its data set."""

    problems: tuple[str, ...]
    """Every reason why it cannot be started, one sentence each; empty when it can."""
    preview: Preview | None
    """None when the data set cannot be read."""
    estimate: Estimate | None
    """None when there are problems."""
    warnings: tuple[str, ...] = ()
    """What may spoil the result and does not keep it from being started, one sentence each."""
    backbone_warnings: tuple[str, ...] = ()
    """The same of what the backbone is or needs, which no other examples would change."""
    fields: Mapping[str, str] = field(default_factory=dict)
    """Key of the field of each problem, such as "lamp.rank", "backbone", "dataset" or "gpus"; "" where it has none."""
    fit: Fit | None = None
    """Whether backbone and recipe fit this machine; None when the backbone or the recipe's own problems hide it."""
    closed: str = ""
    """Why nothing at all can be started in this studio, which is one of the problems; empty where it can."""
    waiting: Used | None = None
    """How many runs of the person wait, and how many may; None where there is no limit."""
    unreadable: str = ""
    """Why the data set cannot be read, which is one of the problems; empty when it can."""
