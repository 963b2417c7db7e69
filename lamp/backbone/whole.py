"""Checks of a backbone that has just been loaded: all its weights are its own, and its tokenizer fits it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from tokenizers import Tokenizer

from lamp.errors import BackboneError

_ALWAYS_ZERO = "final_logits_bias"
"""A buffer of BART's relatives, zero in every checkpoint and absent from some."""


def check_weights(model: Any, loaded: Mapping[str, Any], reference: str) -> None:
    """Raises BackboneError if weights were made up at random because the files lack them, or come from an adapter.

    loaded: transformers' loading info.
    """
    if getattr(model, "_hf_peft_config_loaded", False):
        raise BackboneError(adapter_beside_weights(reference))
    missing = sorted(name for name in loaded["missing_keys"] if not name.endswith(_ALWAYS_ZERO))
    missing += sorted(str(name[0] if isinstance(name, tuple) else name) for name in loaded["mismatched_keys"])
    if missing:
        raise BackboneError(
            f"The files of the backbone {reference!r} lack {len(missing)} of the weights that its config.json names, "
            f"such as {missing[0]}: copy or download it again, or choose another one."
        )


def adapter_beside_weights(reference: str) -> str:
    """The error sentence for weights beside which lies an adapter that transformers would add to them."""
    return (
        f"The backbone {reference!r} has an adapter (adapter_config.json) beside its weights: merge it into them or "
        "move it away, or choose the model that it was made for."
    )


def check_tokenizer(tokenizer: Any, model: Any, reference: str) -> None:
    """Raises BackboneError if the tokenizer has no end token, or makes tokens that the model has no embedding for.

    Added tokens without an embedding, such as one for images, are taken out of it: text that spells one stays text.
    """
    rows = len(model.get_input_embeddings().weight)
    if tokenizer.eos_token_id is None:
        raise BackboneError(
            f"The tokenizer of the backbone {reference!r} has no end token, so its answers could not end: "
            'name one as "eos_token" in its tokenizer_config.json, or choose another backbone.'
        )
    if tokenizer.eos_token_id >= rows:
        raise BackboneError(
            f"The end token of the backbone {reference!r} has the id {tokenizer.eos_token_id}, and the model has "
            f"embeddings for {rows} tokens: get a tokenizer and weights that belong together."
        )
    if len(tokenizer) > rows and tokenizer.is_fast:
        tokenizer._tokenizer = _without_tokens_from(tokenizer.backend_tokenizer, rows)
    largest = max(tokenizer.get_vocab().values(), default=0)
    if largest >= rows:
        raise BackboneError(
            f"The tokenizer of the backbone {reference!r} has tokens up to the id {largest}, and the model has "
            f"embeddings for {rows} tokens: get a tokenizer and weights that belong together."
        )
    if tokenizer.pad_token_id is not None and tokenizer.pad_token_id >= rows:
        tokenizer.pad_token = tokenizer.eos_token  # what stands in padding is never attended to


def _without_tokens_from(tokenizer: Tokenizer, first: int) -> Tokenizer:
    """The tokenizer without its added tokens whose id is `first` or larger."""
    values = json.loads(tokenizer.to_str())
    values["added_tokens"] = [token for token in values["added_tokens"] if token["id"] < first]
    return Tokenizer.from_str(json.dumps(values))
