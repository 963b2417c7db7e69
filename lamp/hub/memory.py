"""Estimates the memory of a backbone and its training from its config and the recipe."""

from __future__ import annotations

from lamp.config import Quantization, TuneConfig
from lamp.hub.catalog import BackboneInfo

_QUANTISED = {"8bit": 1.0, "4bit": 0.5 + 4 / 64 / 4}
"""Bytes of a weight in 8 bits, and in NF4 whose scales (one for 64 weights) are quantised as well."""
_PROCESS_BYTES = 500_000_000
"""Memory of the libraries, on a GPU as on a CPU."""
_COPIES = 6
"""Values as wide as the hidden states that a layer keeps for the backward pass: queries, keys, values, the heads'
output, and the sums after attention and feed-forward block."""
_WIDE_COPIES = 3
"""Values as wide as the feed-forward block: the gate, its activation, and the value that it multiplies."""
_NORM_BYTES = 16
"""Bytes for each hidden value of a layer: its two norms keep two values each in float32."""

_ROWS_AT_A_TIME = 32
"""The most rows that a CPU reads at a time, unless a batch has more."""


def weight_bytes(backbone: BackboneInfo, bytes_per_value: int, quantization: Quantization = "none") -> int:
    """Returns the bytes of the weights in memory.

    bytes_per_value: of the precision; embeddings keep it when the model is quantised.
    """
    parameters, shape = backbone.parameters, backbone.shape
    if backbone.packed_bytes is not None:
        return backbone.packed_bytes
    if quantization == "none":
        return parameters * bytes_per_value
    embeddings = min(parameters, shape.vocabulary * shape.hidden_size)
    return int(embeddings * bytes_per_value + (parameters - embeddings) * _QUANTISED[quantization])


def training_bytes(
    backbone: BackboneInfo,
    config: TuneConfig,
    bytes_per_value: int,
    *,
    on_cpu: bool,
    longest_row: tuple[int, int] | None = None,
    prompts: int = 1,
) -> int:
    """Returns the bytes that one process needs for the recipe at its peak.

    longest_row: tokens of the longest input and of the longest target; by default the recipe's limits. prompts: how
    many are trained side by side. Frozen weights have no gradients, and the factors are small. What grows with the
    batch are the activations that the backward pass to the prompt needs (after Korthikanti et al. 2022, without those
    only needed for gradients of weights), and the logits. on_cpu: attention weights are kept there; a GPU's kernels
    keep none.
    """
    shape, train = backbone.shape, config.train
    inputs, targets = longest_row or (config.data.max_input_tokens, config.data.max_target_tokens)
    read = config.lamp.virtual_tokens + inputs
    lengths = [(shape.layers, read + (0 if shape.decoder_layers else targets))]
    if shape.decoder_layers:
        lengths.append((shape.decoder_layers, targets))
    token = shape.hidden_size * (_COPIES * bytes_per_value + _NORM_BYTES)
    token += shape.feed_forward * _WIDE_COPIES * bytes_per_value
    activations = 0
    for layers, length in lengths:
        layer = token * length
        if on_cpu:
            layer += shape.heads * length**2 * 2 * bytes_per_value
        kept = shape.hidden_size * length * bytes_per_value  # all that gradient checkpointing keeps of a layer
        activations += layers * kept + layer if train.gradient_checkpointing else layers * layer
    logits = targets * shape.vocabulary * (bytes_per_value + 8)  # and their softmax in float32
    weights = weight_bytes(backbone, bytes_per_value, train.quantization)
    rows = train.batch_size * prompts
    if on_cpu:
        rows = max(train.batch_size, min(rows, _ROWS_AT_A_TIME))
    return _PROCESS_BYTES + weights + rows * (activations + logits)
