"""The recipe of one run: frozen dataclasses that check themselves and convert to and from plain dictionaries."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from typing import Any, Literal

from lamp.config_json import build
from lamp.errors import ConfigError
from lamp.text_limits import name_problems, template_problems, text_problems

Task = Literal["auto", "classification", "generation"]
InputFormat = Literal["plain", "chat"]
Precision = Literal["auto", "bf16", "fp16", "fp32"]
Quantization = Literal["none", "8bit", "4bit"]
InitialPrompt = Literal["vocabulary", "text", "labels", "prompt"]
Found = Literal["found"]
MOST_VOTERS = 5
"""The most prompts that may vote: as many as a search for the learning rate starts with."""
MADE_FROM = "made_from"
"""Key of recipe.json beside the recipe's own fields: the commits of backbone and data that the run used."""


@dataclass(frozen=True)
class LampConfig:
    """Shape of the soft prompt and of the interactions between its tokens."""

    prompt_length: int = 100
    """l: number of prompt tokens before pooling."""
    rank: int = 8
    """r: how many singular triplets of the initial prompt are kept and trained."""
    pooling: int = 5
    """p: how many consecutive prompt tokens are averaged into one virtual token."""
    interactions: int = 2
    """K: number of terms of the interaction matrix. 1 is the plain truncated SVD; each further term mixes associated
    tokens once more."""
    initial: InitialPrompt = "vocabulary"
    """Where the first prompt comes from: frequent tokens of the inputs ("vocabulary"), a text, the label names (or
    frequent tokens if there are no labels), or the factors of a trained prompt."""
    initial_text: str = ""
    """The instruction whose tokens start the prompt when `initial` is "text"."""
    initial_prompt: str = ""
    """The prompt to start from when `initial` is "prompt": a run in the studio, a folder on the command line."""

    @property
    def virtual_tokens(self) -> int:
        """l' = l / p: number of virtual tokens that the backbone reads before every input."""
        return self.prompt_length // self.pooling

    def trainable_parameters(self, hidden_size: int) -> int:
        """r (l + d + 1): the size of U (l, r), q (r,) and V (r, d) together. hidden_size: d."""
        return self.rank * (self.prompt_length + hidden_size + 1)

    def problems(self) -> list[str]:
        """Returns one sentence for each wrong value."""
        problems = []
        if not 1 <= self.prompt_length <= 2000:
            problems.append(f"The prompt length must be between 1 and 2000 tokens, not {self.prompt_length}.")
        if self.rank < 1:
            problems.append(f"The rank must be at least 1, not {self.rank}.")
        elif self.rank > self.prompt_length >= 1:
            problems.append(
                f"The rank ({self.rank}) is larger than the prompt length ({self.prompt_length}): "
                f"choose a rank of {self.prompt_length} or less, or a longer prompt."
            )
        if self.pooling < 1:
            problems.append(f"The pooling must be at least 1, not {self.pooling}.")
        elif self.prompt_length >= 1 and self.prompt_length % self.pooling:
            nearest = max(self.pooling, round(self.prompt_length / self.pooling) * self.pooling)
            problems.append(
                f"The prompt length ({self.prompt_length}) cannot be divided by the pooling ({self.pooling}): "
                f"try a prompt length of {nearest}."
            )
        if not 1 <= self.interactions <= 8:
            problems.append(f"The interactions must be between 1 and 8, not {self.interactions}.")
        if self.initial == "text" and not self.initial_text.strip():
            problems.append("The prompt is to start from a text, but that text is empty: write an instruction.")
        problems += text_problems("The instruction to start from", self.initial_text)
        problems += name_problems("The name of the run to start from", self.initial_prompt)
        if self.initial == "prompt" and not self.initial_prompt.strip():
            problems.append("The prompt is to start from another run's, but none is chosen: choose a run.")
        return problems


@dataclass(frozen=True)
class DataConfig:
    """Which columns are read, how they become text, and which rows are held out.

    Validation rows choose the best prompt, the learning rate and when to end early. Test rows choose nothing, so their
    score is that of unseen rows.
    """

    input_columns: tuple[str, ...] = ()
    target_column: str = ""
    template: str = ""
    """Text of an input, with {column} placeholders; doubled braces are literal ones.

    If empty, every column gets a line of its own.
    """
    input_format: InputFormat = "plain"
    """"chat" puts the text into the backbone's chat template, as a user's message. The template's own tokens do not
    count towards `max_input_tokens`."""
    task: Task = "auto"
    """"auto" chooses classification when the target has few distinct values and all of them are short."""
    validation_share: float = 0.1
    """Share of the rows (0 to 1) that is held out for validation."""
    max_validation_rows: int = 200
    """Limit on the number of validation rows, all of which are scored at each evaluation."""
    validation_data: str = ""
    """Separate validation rows instead of a share: a data set in the studio, a file on the command line."""
    test_share: float = 0.1
    """Share of the rows (0 to 1) that is held out for the test at the end; 0 leaves the test out."""
    max_test_rows: int = 300
    """Limit on the number of test rows."""
    test_data: str = ""
    """Separate test rows instead of a share: a data set in the studio, a file on the command line."""
    max_written_rows: int = 64
    """Limit on the test rows that are answered in free text, which is far slower than scoring labels."""
    max_input_tokens: int = 256
    max_target_tokens: int = 64
    split_seed: int = 13

    def problems(self) -> list[str]:
        """Returns one sentence for each wrong value."""
        problems = []
        problems += template_problems(self.template)
        problems += name_problems("An input column's name", *self.input_columns)
        problems += name_problems("The target column's name", self.target_column)
        problems += name_problems("The name of a data set", self.validation_data, self.test_data)
        if not self.input_columns:
            problems.append("Choose at least one input column.")
        if not self.target_column:
            problems.append("Choose the target column: what the model should answer.")
        elif self.target_column in self.input_columns:
            problems.append(
                f"The column {self.target_column!r} is both input and target: take it out of one of the two."
            )
        if not 0.01 <= self.validation_share <= 0.5:
            problems.append(f"The validation share must be between 0.01 and 0.5, not {self.validation_share}.")
        if self.test_share and not 0.01 <= self.test_share <= 0.4:
            problems.append(f"The test share must be 0 or between 0.01 and 0.4, not {self.test_share}.")
        bounds = (
            ("number of validation rows", "", self.max_validation_rows, 2, 100_000),
            ("number of test rows", "", self.max_test_rows, 2, 100_000),
            ("number of written answers", "", self.max_written_rows, 1, 100_000),
            ("longest input", " tokens", self.max_input_tokens, 4, 32_768),
            ("longest target", " tokens", self.max_target_tokens, 2, 8_192),  # a token and its end
            ("seed of the split", "", self.split_seed, 0, 2**32 - 1),  # what NumPy takes
        )
        for name, unit, value, low, high in bounds:
            if not low <= value <= high:
                problems.append(f"The {name} must be between {low} and {high}{unit}, not {value}.")
        return problems


@dataclass(frozen=True)
class TrainConfig:
    """How long, how fast and how carefully the factors are trained."""

    steps: int = 200
    batch_size: int = 32
    """Rows in each batch of each process."""
    accumulation: int = 1
    """Batches whose gradients are added up before each step."""
    learning_rate: float | Found = "found"
    """"found" tries several rates in the first steps and continues with the best one."""
    warmup_share: float = 0.05
    """Share of the steps (0 to 1) during which the learning rate rises from zero; afterwards it falls linearly."""
    clip_norm: float = 1.0
    """Gradients with a larger norm are scaled down to this norm."""
    evaluate_every: int = 50
    """Steps between two evaluations; the prompt with the best validation score is the result."""
    checkpoint_every: int = 50
    """Steps between two checkpoints."""
    voters: int = 1
    """How many prompts vote on a label.

    More than 1 are trained to the end side by side: those that are left after the search for the rate, or at a fixed
    rate prompts with different seeds. The best one is the run's prompt.
    """
    patience: int = 0
    """Evaluations without a better score after which the run ends early; 0 means never."""
    precision: Precision = "auto"
    quantization: Quantization = "none"
    """How many bits each weight of the backbone is stored in; fewer bits fit a larger backbone into the same memory."""
    gradient_checkpointing: bool = False
    """Computes activations again in the backward pass instead of keeping them: less memory, about 50 % more time."""
    compile: bool = False
    """Compiles the backbone at the first step, which takes minutes and makes the later steps faster."""
    seed: int = 0

    def problems(self) -> list[str]:
        """Returns one sentence for each wrong value."""
        problems = []
        bounds: tuple[tuple[str, int, int, int], ...] = (
            ("number of steps", self.steps, 1, 1_000_000),
            ("batch size", self.batch_size, 1, 1024),
            ("accumulation", self.accumulation, 1, 1024),
            ("evaluation interval", self.evaluate_every, 1, 1_000_000),
            ("checkpoint interval", self.checkpoint_every, 1, 1_000_000),
            ("number of prompts that vote", self.voters, 1, MOST_VOTERS),
            ("patience", self.patience, 0, 1_000_000),
            ("seed", self.seed, 0, 2**32 - 1),  # what NumPy takes
        )
        for name, value, low, high in bounds:
            if not low <= value <= high:
                problems.append(f"The {name} must be between {low} and {high}, not {value}.")
        if self.learning_rate != "found" and not 0 < self.learning_rate <= 10:
            problems.append(f"The learning rate must be above 0 and at most 10, not {self.learning_rate}.")
        if not 0 <= self.warmup_share < 1:
            problems.append(f"The warm-up share must be at least 0 and below 1, not {self.warmup_share}.")
        if not self.clip_norm > 0:
            problems.append(f"The clipping norm must be above 0, not {self.clip_norm}.")
        return problems


@dataclass(frozen=True)
class TuneConfig:
    """The immutable, complete recipe of one run, without the data set itself."""

    backbone: str = ""
    """A Hub id ("org/name") or a local folder with config.json and safetensors weights."""
    data: DataConfig = field(default_factory=DataConfig)
    lamp: LampConfig = field(default_factory=LampConfig)
    train: TrainConfig = field(default_factory=TrainConfig)

    def check(self) -> None:
        """Raises one ConfigError that lists every problem of the recipe."""
        problems = [] if self.backbone.strip() else ["Choose a backbone: the language model that stays frozen."]
        problems += name_problems("The backbone's name", self.backbone)
        problems += self.data.problems() + self.lamp.problems() + self.train.problems()
        if problems:
            raise ConfigError(problems)

    def to_dict(self) -> dict[str, Any]:
        """Returns a nested dictionary that json can write and `from_dict` can read."""
        values: dict[str, Any] = dataclasses.asdict(self)
        values["data"]["input_columns"] = list(self.data.input_columns)
        return values

    @classmethod
    def from_dict(cls, values: object) -> TuneConfig:
        """Creates a recipe from parsed JSON; missing fields get their defaults, and the key `made_from` is ignored.

        Raises one ConfigError that names every field that is unknown or of the wrong type.
        """
        problems: list[str] = []
        if isinstance(values, dict):
            values = {name: value for name, value in values.items() if name != MADE_FROM}
        config = build(cls, values, "recipe", problems)
        if problems:
            raise ConfigError(problems)
        return config
