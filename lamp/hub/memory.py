"""How much memory a run needs, calculated from the sizes of its backbone; nothing is loaded."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from lamp.config import TrainConfig, TuneConfig
from lamp.hub.catalog import BackboneInfo

_BYTES = {"bf16": 2.0, "fp16": 2.0, "fp32": 4.0}
_QUANTIZED = {"8bit": 1.1, "4bit": 0.6}
"""Bytes of a weight, with the scales that are stored beside the weights."""
_LIBRARIES = 500_000_000
"""Bytes that the process holds before a backbone is loaded: on a GPU they are not the card's."""
_WIDTHS = 12
"""How many numbers of the hidden size a block keeps of each token for the backward pass: what its norms, its attention
and its residual sums read. Weights are frozen, so the inputs of its matrix products are not kept."""
_INNER_WIDTHS = 4
"""The same of its feed-forward layer's size: gate, value, activation and product."""
_EAGER_SCORES = 8.0
"""Bytes of each pair of tokens and head where attention is not fused: its scores, their softmax and its rounding."""
_LOGIT = 12.0
"""Bytes of each logit of a target token: as they are computed, in float32, and their gradient."""
_ROWS_AT_A_TIME = 32
"""Rows that a CPU reads at a time at most, unless a batch has more."""


def calculated_memory(
    backbone: BackboneInfo, config: TuneConfig, longest_row: tuple[int, int], prompts: int, *, on_gpu: bool
) -> int:
    """Bytes that a run needs at its peak, about.

    longest_row: tokens of the longest input and of the longest target; prompts: how many the run begins with.
    """
    settings, sizes = config.train, backbone.sizes
    number = _number_bytes(settings, on_gpu)
    weights = backbone.packed_bytes or backbone.parameters * _QUANTIZED.get(settings.quantization, number)
    inputs, targets = longest_row
    length = inputs + targets
    rows = settings.batch_size * prompts
    if not on_gpu:
        rows = max(settings.batch_size, min(rows, _ROWS_AT_A_TIME))
    of_token = number * (_WIDTHS * backbone.hidden_size + _INNER_WIDTHS * sizes.inner)
    scores = _EAGER_SCORES * sizes.heads * (length + config.lamp.virtual_tokens) * (not on_gpu)
    blocks = 2 if settings.gradient_checkpointing else sizes.layers  # the others keep their input alone
    tokens = rows * length + prompts * config.lamp.virtual_tokens  # rows share the keys and values of their prompt
    kept = tokens * (blocks * (of_token + scores) + sizes.layers * number * backbone.hidden_size)
    logits = rows * targets * sizes.vocabulary * _LOGIT
    return int(weights + kept + logits + (0 if on_gpu else _LIBRARIES))


def _number_bytes(settings: TrainConfig, on_gpu: bool) -> float:
    """Bytes of a number of the backbone, as lamp.backbone.precision would choose them."""
    if settings.precision == "auto":
        return 2.0 if on_gpu or _cpu_multiplies_bf16() else 4.0
    return _BYTES[settings.precision]


@cache
def _cpu_multiplies_bf16() -> bool:
    """Whether the processor says so; False where it cannot be asked without torch."""
    try:
        flags = Path("/proc/cpuinfo").read_text()
    except OSError:
        return False
    return any(flag in flags for flag in ("avx512_bf16", "amx_bf16", " bf16"))
