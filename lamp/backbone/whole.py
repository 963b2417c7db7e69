"""Checks a backbone that has just been loaded: all weights come from its files, and its tokenizer fits it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from tokenizers import Tokenizer

from lamp.errors import BackboneError
from lamp.model_files.file_faults import adapter_beside_weights, no_end_token, tokens_without_embedding

_ALWAYS_ZERO = "final_logits_bias"
"""A buffer of BART and related models, zero in every checkpoint and missing in some."""


def check_weights(model: Any, loaded: Mapping[str, Any], reference: str) -> None:
    """Raises BackboneError if weights missing in the files were initialised at random, or come from an adapter.

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


def check_tokenizer(tokenizer: Any, model: Any, reference: str) -> None:
    """Raises BackboneError if the tokenizer has no end token, or produces tokens without an embedding.

    Added tokens without an embedding, such as one for images, are removed from it: text that spells one stays text.
    """
    rows = len(model.get_input_embeddings().weight)
    if tokenizer.eos_token_id is None:
        raise BackboneError(no_end_token(reference))
    if tokenizer.eos_token_id >= rows:
        raise BackboneError(tokens_without_embedding(reference, tokenizer.eos_token_id, rows))
    if len(tokenizer) > rows and tokenizer.is_fast:
        tokenizer._tokenizer = _without_tokens_from(tokenizer.backend_tokenizer, rows)
    largest = max(tokenizer.get_vocab().values(), default=0)
    if largest >= rows:
        raise BackboneError(tokens_without_embedding(reference, largest, rows))
    if tokenizer.pad_token_id is not None and tokenizer.pad_token_id >= rows:
        tokenizer.pad_token = tokenizer.eos_token  # what stands in padding is never attended to


def _without_tokens_from(tokenizer: Tokenizer, first: int) -> Tokenizer:
    """Returns the tokenizer without the added tokens whose id is `first` or larger."""
    values = json.loads(tokenizer.to_str())
    values["added_tokens"] = [token for token in values["added_tokens"] if token["id"] < first]
    return Tokenizer.from_str(json.dumps(values))
