"""Checks that a recipe's prompt, inputs and targets fit a backbone."""

from __future__ import annotations

from lamp.config import TuneConfig
from lamp.hub.catalog import BackboneInfo
from lamp.model_files.file_faults import quantised_twice

_SHORTEST_INPUT = 4
"""The fewest tokens that a recipe may allow for an input."""


def misfits(backbone: BackboneInfo, config: TuneConfig) -> dict[str, str]:
    """Returns one sentence for each value of the recipe that does not fit the backbone, by its key, such as
    "lamp.rank"."""
    problems = {}
    if backbone.hidden_size < config.lamp.rank <= config.lamp.prompt_length:
        problems[
            f"The rank ({config.lamp.rank}) is larger than the backbone's width ({backbone.hidden_size}): "
            f"choose {backbone.hidden_size} or less."
        ] = "lamp.rank"
    if backbone.quantization is not None and config.train.quantization != "none":
        problems[quantised_twice(config.backbone, backbone.quantization.method)] = "train.quantization"
    target = config.data.max_target_tokens
    if backbone.longest_target is not None and target > backbone.longest_target:
        problems[
            f"The longest target ({target} tokens) is longer than the backbone's {backbone.longest_target} positions: "
            f"set it to {backbone.longest_target} or less."
        ] = "data.max_target_tokens"
    limit = backbone.longest_sequence
    if limit is None:
        return problems
    behind_input = target if backbone.architecture == "causal" else 0
    room = limit - config.lamp.virtual_tokens - behind_input
    if config.data.max_input_tokens > room:
        counted = f"{config.lamp.virtual_tokens} virtual tokens"
        if behind_input:
            counted += f" and the longest target ({target} tokens)"
        advice = f"set the longest input to {room} tokens or less"
        if room < _SHORTEST_INPUT:
            advice = "shorten the prompt" + (" or the target" if behind_input else "")
        problems[
            f"The backbone has {limit} positions, too few for {counted} with the longest input "
            f"({config.data.max_input_tokens} tokens): {advice}."
        ] = "data.max_input_tokens"
    return problems


def wants_gpu(backbone: BackboneInfo, config: TuneConfig) -> dict[str, str]:
    """Returns why a machine without a CUDA GPU cannot load the backbone, as `misfits` does; empty if it can."""
    packing = backbone.quantization
    if packing is None or not packing.stays_packed:
        return {}
    sentence = (
        f"The weights of the backbone {config.backbone!r} are stored in {packing.bits} bits, which want a CUDA GPU, "
        "and this machine has none: choose the unquantised model that it was made from."
    )
    return {sentence: "backbone"}
