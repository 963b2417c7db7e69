"""The recipe's fields as people see them: labels, help, choices, and presets of numbers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from lamp.config import TrainConfig, TuneConfig
from lamp.training.halving import LEARNING_RATES


@dataclass(frozen=True)
class Field:
    """One field of the recipe as a person sees it."""

    key: str
    """Its place in a TuneConfig, such as "lamp.rank"."""
    label: str
    help: str
    """One sentence that explains it."""
    kind: str
    """"whole" (a whole number), "number", "rate" (a number or one of the choices), "text", "switch", "choice", "run" (a
    run that has a prompt) or "dataset" (another data set, or none)."""
    choices: tuple[tuple[str, str], ...] = ()
    """(label, value) of each choice."""
    group: str = ""
    """Which of `GROUPS` it is shown in."""

    @property
    def default(self) -> Any:
        """Its value in a recipe that does not set it."""
        section, name = self.key.split(".")
        return getattr(getattr(TuneConfig(), section), name)


GROUPS: dict[str, str] = {
    "steps": "Steps and scores",
    "prompt": "The prompt",
    "reading": "What is read and answered",
    "held out": "Rows that are held out",
    "machine": "This machine",
}
"""Groups of fields, in the order in which they are shown: name → heading."""

FIELDS: tuple[Field, ...] = (
    Field(
        "train.steps",
        "Steps",
        "How many batches the prompt learns from; more is better until it stops improving.",
        "whole",
        group="steps",
    ),
    Field(
        "train.batch_size",
        "Batch size",
        "Rows read in each step; larger is steadier, slower and takes more memory.",
        "whole",
        group="steps",
    ),
    Field(
        "train.learning_rate",
        "Learning rate",
        "How far each step moves the prompt: automatic tries several in the first steps, or type a number.",
        "rate",
        (("Automatic", "found"), *((f"{rate:g}", f"{rate:g}") for rate in LEARNING_RATES)),
        group="steps",
    ),
    Field(
        "lamp.prompt_length",
        "Prompt length",
        "Tokens that the prompt has while it learns, before pooling shortens it.",
        "whole",
        group="prompt",
    ),
    Field(
        "lamp.pooling",
        "Pooling",
        "How many neighbouring prompt tokens are averaged into one virtual token; more makes every answer faster.",
        "whole",
        group="prompt",
    ),
    Field(
        "lamp.rank",
        "Rank",
        "Directions in which the prompt can move; a higher rank learns more and trains more.",
        "whole",
        group="prompt",
    ),
    Field(
        "lamp.interactions",
        "Interactions",
        "How often the prompt's tokens exchange what they know; 1 is the published method, more extends it.",
        "whole",
        group="prompt",
    ),
    Field(
        "lamp.initial",
        "First prompt",
        "What the prompt is made of before it has learned anything.",
        "choice",
        (
            ("Frequent words", "vocabulary"),
            ("An instruction", "text"),
            ("The label names", "labels"),
            ("Another run's prompt", "prompt"),
        ),
        group="prompt",
    ),
    Field(
        "lamp.initial_text",
        "Instruction",
        "The text that the prompt is made of when it starts from one.",
        "text",
        group="prompt",
    ),
    Field(
        "lamp.initial_prompt",
        "Run to start from",
        "Its prompt is trained further, on this data: the same backbone, prompt length and rank.",
        "run",
        group="prompt",
    ),
    Field(
        "train.evaluate_every",
        "Score every",
        "Steps between two scores on held-out rows; the best prompt is kept.",
        "whole",
        group="steps",
    ),
    Field(
        "train.patience",
        "Patience",
        "Scores without improvement after which the run ends early; 0 never does.",
        "whole",
        group="steps",
    ),
    Field(
        "train.voters",
        "Prompts that vote",
        "Several are trained to the end, each at its cost in time: labels can then be answered by all of them.",
        "whole",
        group="steps",
    ),
    Field(
        "train.checkpoint_every",
        "Checkpoint every",
        "Steps between two points that a run can be resumed from.",
        "whole",
        group="steps",
    ),
    Field(
        "train.accumulation",
        "Accumulation",
        "Batches that are added up before each step, for a larger batch in the same memory.",
        "whole",
        group="steps",
    ),
    Field(
        "train.warmup_share",
        "Warm-up",
        "Share of the steps in which the learning rate rises from zero.",
        "number",
        group="steps",
    ),
    Field(
        "train.clip_norm",
        "Gradient clipping",
        "The longest move that one step may make; lower is calmer.",
        "number",
        group="steps",
    ),
    Field(
        "train.precision",
        "Precision",
        "The number format of the backbone; automatic fits it to this machine.",
        "choice",
        (("Automatic", "auto"), ("bfloat16", "bf16"), ("float16", "fp16"), ("float32", "fp32")),
        group="machine",
    ),
    Field(
        "train.quantization",
        "Backbone's weights",
        "How they are stored: in 8 or 4 bits a larger backbone fits into the same memory, a little less exact.",
        "choice",
        (("As they are", "none"), ("8 bits", "8bit"), ("4 bits", "4bit")),
        group="machine",
    ),
    Field(
        "train.gradient_checkpointing",
        "Gradient checkpointing",
        "Computes again what would otherwise be kept: much less memory, about half more time.",
        "switch",
        group="machine",
    ),
    Field(
        "train.compile",
        "Compile",
        "Translates the backbone for this machine first: a wait of minutes that only a long run makes up for.",
        "switch",
        group="machine",
    ),
    Field("train.seed", "Seed", "The same seed on the same machine gives the same result.", "whole", group="steps"),
    Field(
        "data.task",
        "Task",
        "Whether the model picks one of the labels or writes a text.",
        "choice",
        (("Decide from the data", "auto"), ("Pick a label", "classification"), ("Write a text", "generation")),
        group="reading",
    ),
    Field(
        "data.input_format",
        "Format",
        "How the model is addressed: an instruct model may know its own chat format better than plain text.",
        "choice",
        (("Plain text", "plain"), ("The model's chat format", "chat")),
        group="reading",
    ),
    Field(
        "data.template",
        "Template",
        "How a row becomes the text that the model reads, with columns in braces, such as {text}; braces of the text "
        "itself are doubled, {{ and }}; empty writes one line a column.",
        "text",
        group="reading",
    ),
    Field(
        "data.validation_share",
        "Validation share",
        "Share of the rows by which the best prompt and learning rate are chosen.",
        "number",
        group="held out",
    ),
    Field(
        "data.max_validation_rows",
        "Validation rows",
        "At most so many; all are scored each time.",
        "whole",
        group="held out",
    ),
    Field(
        "data.test_share",
        "Test share",
        "Share of the rows that choose nothing and give the score at the end; 0 for none.",
        "number",
        group="held out",
    ),
    Field("data.max_test_rows", "Test rows", "At most so many; scored once, at the end.", "whole", group="held out"),
    Field(
        "data.validation_data",
        "Validation rows from",
        "A share of the rows, or a data set of their own.",
        "dataset",
        group="held out",
    ),
    Field(
        "data.test_data",
        "Test rows from",
        "A share of the rows, or a data set of their own.",
        "dataset",
        group="held out",
    ),
    Field(
        "data.max_input_tokens",
        "Longest input",
        "Tokens of a row that are read; a longer one loses its end.",
        "whole",
        group="reading",
    ),
    Field(
        "data.max_target_tokens",
        "Longest answer",
        "Tokens of an answer that are learned or written, at most.",
        "whole",
        group="reading",
    ),
    Field(
        "data.max_written_rows",
        "Written answers",
        "Test rows that are answered in free text, at most; writing is slow.",
        "whole",
        group="held out",
    ),
    Field("data.split_seed", "Split seed", "The same seed holds out the same rows.", "whole", group="held out"),
)

PRESETS: dict[str, dict[str, Any]] = {
    "Quick look": {"train.steps": 60, "train.evaluate_every": 20, "train.checkpoint_every": 20},
    "Recommended": {
        key: getattr(TrainConfig(), key.removeprefix("train."))
        for key in ("train.steps", "train.evaluate_every", "train.checkpoint_every")
    },
    "Thorough": {"train.steps": 1000, "train.evaluate_every": 100, "train.checkpoint_every": 100},
}
"""Recipes for people who do not want to choose numbers: name → field key → value."""
GOOD_FOR = {
    "Quick look": "To see whether it can work",
    "Recommended": "Enough for most tables",
    "Thorough": "For the last few per cent",
}
"""What each preset is good for, as a sentence without its full stop."""
