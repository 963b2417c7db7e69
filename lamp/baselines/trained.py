"""Baselines that are trained on the same rows: a plain soft prompt, and LoRA by PEFT."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from peft import LoraConfig, TaskType, get_peft_model
from peft.utils import TRANSFORMERS_MODELS_TO_LORA_TARGET_MODULES_MAPPING
from torch import Tensor, nn

from lamp.backbone.frozen import FrozenBackbone
from lamp.config import LampConfig
from lamp.data.encoding import Encoded
from lamp.errors import TrainingError, first_line
from lamp.initializers import initial_prompt
from lamp.model_files.text_config import ENCODERS

PLAIN_RATES = (0.003, 0.01, 0.03, 0.1, 0.3)
LORA_RATES = (0.0001, 0.0003, 0.001, 0.003, 0.01)
_LORA_RANK = 8
_LORA_ALPHA = 16


class PlainPrompt(nn.Module):
    """A soft prompt whose numbers are all trained (Lester et al. 2021); a call returns its rows (tokens, d)."""

    def __init__(self, rows: Tensor) -> None:
        super().__init__()
        self.rows = nn.Parameter(rows.detach().float().clone())

    def forward(self) -> Tensor:
        return self.rows


class LoraWeights(nn.Module):
    """The weights that LoRA adds to a backbone; a call returns None, because nothing stands before the input."""

    def __init__(self, weights: Sequence[nn.Parameter]) -> None:
        super().__init__()
        self.weights = nn.ParameterList(weights)

    def forward(self) -> None:
        return None


def plain_prompt(
    backbone: FrozenBackbone, config: LampConfig, tokens: int, labels: Sequence[str], rows: Sequence[Encoded], seed: int
) -> PlainPrompt:
    """Creates a plain prompt of `tokens` rows that starts like the recipe's own; from vocabulary instead of another
    run's prompt."""
    initial = "vocabulary" if config.initial == "prompt" else config.initial
    start = LampConfig(prompt_length=tokens, rank=1, pooling=1, initial=initial, initial_text=config.initial_text)
    return PlainPrompt(initial_prompt(backbone, start, labels, (row.input_ids for row in rows), seed))


@contextmanager
def lora(backbone: FrozenBackbone) -> Iterator[LoraWeights]:
    """Puts LoRA of rank 8 into a backbone, and removes it at the end of the block.

    PEFT's default places are used, or every linear layer for a family without a default. Raises TrainingError if PEFT
    cannot place it.
    """
    known = backbone.model.config.model_type in TRANSFORMERS_MODELS_TO_LORA_TARGET_MODULES_MAPPING
    config = LoraConfig(
        task_type=TaskType.SEQ_2_SEQ_LM if backbone.is_encoder_decoder else TaskType.CAUSAL_LM,
        r=_LORA_RANK,
        lora_alpha=_LORA_ALPHA,
        target_modules=None if known else "all-linear",
    )
    try:
        adapted = get_peft_model(backbone.model, config)
    except ValueError as error:
        raise TrainingError(f"PEFT cannot add LoRA to this backbone: {first_line(error)}") from error
    try:
        backbone.model.eval()
        # Encoders of images and sound have no weights here and are never called.
        trained = [
            parameter
            for name, parameter in backbone.model.named_parameters()
            if parameter.requires_grad and not ENCODERS & set(name.split("."))
        ]
        yield LoraWeights(trained)
    finally:
        adapted.unload()
        backbone.model.requires_grad_(False)
