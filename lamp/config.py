"""The recipe of one run: frozen dataclasses that check themselves and travel as plain dictionaries."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from typing import Any, Literal

from lamp.config_json import build
from lamp.errors import ConfigError

Task = Literal["auto", "classification", "generation"]
InputFormat = Literal["plain", "chat"]
Precision = Literal["auto", "bf16", "fp16", "fp32"]
Quantization = Literal["none", "8bit", "4bit"]
InitialPrompt = Literal["vocabulary", "text", "labels", "prompt"]


@dataclass(frozen=True)
class LampConfig:
    """Shape of the soft prompt and of the interactions between its tokens."""

    prompt_length: int = 100
    """l: tokens of the prompt before pooling."""
    rank: int = 8
    """r: singular triplets of the initial prompt that are kept and trained."""
    pooling: int = 5
    """p: consecutive prompt tokens averaged into one virtual token."""
    interactions: int = 2
    """K: 1 is the plain truncated SVD; each further one mixes associated tokens once more."""
    initial: InitialPrompt = "vocabulary"
    """Where the first prompt comes from: frequent tokens, a text, the label names (if there are any), or a trained
    prompt, whose factors are trained on."""
    initial_text: str = ""
    """The instruction whose tokens start the prompt when `initial` is "text"."""
    initial_prompt: str = ""
    """The trained prompt when `initial` is "prompt": in the studio a run, on the command line a folder."""

    @property
    def virtual_tokens(self) -> int:
        """l' = l / p: tokens that the backbone reads before every input."""
        return self.prompt_length // self.pooling

    def trainable_parameters(self, hidden_size: int) -> int:
        """r (l + d + 1): the numbers in U (l, r), q (r,) and V (r, d)."""
        return self.rank * (self.prompt_length + hidden_size + 1)

    def problems(self) -> list[str]:
        """One sentence for each thing that is wrong."""
        found = []
        if not 1 <= self.prompt_length <= 2000:
            found.append(f"The prompt length must be between 1 and 2000 tokens, not {self.prompt_length}.")
        if self.rank < 1:
            found.append(f"The rank must be at least 1, not {self.rank}.")
        elif self.rank > self.prompt_length >= 1:
            found.append(
                f"The rank ({self.rank}) is larger than the prompt length ({self.prompt_length}): "
                f"choose a rank of {self.prompt_length} or less, or a longer prompt."
            )
        if self.pooling < 1:
            found.append(f"The pooling must be at least 1, not {self.pooling}.")
        elif self.prompt_length >= 1 and self.prompt_length % self.pooling:
            nearest = max(self.pooling, round(self.prompt_length / self.pooling) * self.pooling)
            found.append(
                f"The prompt length ({self.prompt_length}) cannot be divided by the pooling ({self.pooling}): "
                f"try a prompt length of {nearest}."
            )
        if not 1 <= self.interactions <= 8:
            found.append(f"The interactions must be between 1 and 8, not {self.interactions}.")
        if self.initial == "text" and not self.initial_text.strip():
            found.append("The prompt is to start from a text, but that text is empty: write an instruction.")
        if self.initial == "prompt" and not self.initial_prompt.strip():
            found.append("The prompt is to start from another run's, but none is chosen: choose a run.")
        return found


@dataclass(frozen=True)
class DataConfig:
    """Which columns are read, how they become text, and what is held out."""

    input_columns: tuple[str, ...] = ()
    target_column: str = ""
    template: str = ""
    """Text with {column} placeholders that comes before the target; empty: one line a column."""
    input_format: InputFormat = "plain"
    """"chat" puts the text into the backbone's chat template, as a user's message; its own tokens come on top of
    `max_input_tokens`."""
    task: Task = "auto"
    """"auto" takes a target with few distinct, short values for classification."""
    validation_share: float = 0.1
    """Share of the rows held out for the validation score."""
    max_validation_rows: int = 200
    """Held-out rows that are scored at each evaluation, at most."""
    max_input_tokens: int = 256
    max_target_tokens: int = 64
    split_seed: int = 13

    def problems(self) -> list[str]:
        """One sentence for each thing that is wrong."""
        found = []
        if not self.input_columns:
            found.append("Choose at least one input column.")
        if not self.target_column:
            found.append("Choose the target column: what the model should answer.")
        elif self.target_column in self.input_columns:
            found.append(f"The column {self.target_column!r} is both input and target: take it out of one of the two.")
        if not 0.01 <= self.validation_share <= 0.5:
            found.append(f"The held-out share must be between 0.01 and 0.5, not {self.validation_share}.")
        if not 2 <= self.max_validation_rows <= 100_000:
            found.append(f"The scored validation rows must be between 2 and 100000, not {self.max_validation_rows}.")
        if not 4 <= self.max_input_tokens <= 32_768:
            found.append(f"The longest input must be between 4 and 32768 tokens, not {self.max_input_tokens}.")
        if not 1 <= self.max_target_tokens <= 8_192:
            found.append(f"The longest target must be between 1 and 8192 tokens, not {self.max_target_tokens}.")
        return found


@dataclass(frozen=True)
class TrainConfig:
    """How long, how fast and how carefully the factors are trained."""

    steps: int = 200
    batch_size: int = 32
    accumulation: int = 1
    """Micro-batches whose gradients are added before each step."""
    learning_rate: float = 4e-2
    warmup_share: float = 0.05
    """Share of the steps in which the learning rate rises from zero; it then falls linearly."""
    clip_norm: float = 1.0
    evaluate_every: int = 50
    """Steps between two validation scores; the prompt with the best one is kept."""
    checkpoint_every: int = 50
    """Steps between two checkpoints."""
    patience: int = 0
    """Evaluations without a better score after which the run ends early; 0 never does."""
    precision: Precision = "auto"
    quantization: Quantization = "none"
    """Bits of the backbone's stored weights: fewer fit a larger backbone into the same memory."""
    gradient_checkpointing: bool = False
    """Computes activations again in the backward pass rather than keep them: less memory, about half more time."""
    compile: bool = False
    """Compiles the backbone before the first step: minutes of waiting for faster steps after."""
    seed: int = 0

    def problems(self) -> list[str]:
        """One sentence for each thing that is wrong."""
        found = []
        bounds: tuple[tuple[str, int, int, int], ...] = (
            ("number of steps", self.steps, 1, 1_000_000),
            ("batch size", self.batch_size, 1, 1024),
            ("accumulation", self.accumulation, 1, 1024),
            ("evaluation interval", self.evaluate_every, 1, 1_000_000),
            ("checkpoint interval", self.checkpoint_every, 1, 1_000_000),
            ("patience", self.patience, 0, 1_000_000),
        )
        for name, value, low, high in bounds:
            if not low <= value <= high:
                found.append(f"The {name} must be between {low} and {high}, not {value}.")
        if not 0 < self.learning_rate <= 10:
            found.append(f"The learning rate must be above 0 and at most 10, not {self.learning_rate}.")
        if not 0 <= self.warmup_share < 1:
            found.append(f"The warm-up share must be at least 0 and below 1, not {self.warmup_share}.")
        if not self.clip_norm > 0:
            found.append(f"The clipping norm must be above 0, not {self.clip_norm}.")
        return found


@dataclass(frozen=True)
class TuneConfig:
    """The immutable, complete recipe of one run, save for the data set itself."""

    backbone: str = ""
    """A Hub id ("org/name") or a local folder with config.json and safetensors weights."""
    data: DataConfig = field(default_factory=DataConfig)
    lamp: LampConfig = field(default_factory=LampConfig)
    train: TrainConfig = field(default_factory=TrainConfig)

    def check(self) -> None:
        """Raises one ConfigError that lists every problem of the recipe."""
        problems = [] if self.backbone.strip() else ["Choose a backbone: the language model that stays frozen."]
        problems += self.data.problems() + self.lamp.problems() + self.train.problems()
        if problems:
            raise ConfigError(problems)

    def to_dict(self) -> dict[str, Any]:
        """A nested dictionary that json can write; `from_dict` takes it back."""
        values: dict[str, Any] = dataclasses.asdict(self)
        values["data"]["input_columns"] = list(self.data.input_columns)
        return values

    @classmethod
    def from_dict(cls, values: object) -> TuneConfig:
        """A recipe out of parsed JSON; absent fields take their defaults.

        Raises ConfigError that names every field that is unknown or of the wrong type.
        """
        problems: list[str] = []
        config = build(cls, values, "recipe", problems)
        if problems:
            raise ConfigError(problems)
        return config
