"""Checks from its files that a tokenizer belongs to a model: it can end an answer, and each token has an embedding."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lamp.errors import BackboneError
from lamp.model_files.file_faults import no_end_token, tokens_without_embedding
from lamp.model_files.text_config import text_config

_WITHOUT_DEFAULTS = {"PreTrainedTokenizerFast", "TokenizersBackend"}
"""Tokenizer classes that have an end token only if the files name one."""


def check_tokenizer_files(reference: str, config: Mapping[str, Any], folder: Path) -> None:
    """Raises BackboneError for a tokenizer without an end token, or with tokens that the model has no embedding for.

    Added tokens other than the end token may lack one: text that spells them stays text. Files that are missing or
    cannot be parsed are left for the loading to report.
    """
    settings = _json(folder / "tokenizer_config.json")
    end = settings.get("eos_token") or _json(folder / "special_tokens_map.json").get("eos_token")
    if end is None and settings.get("tokenizer_class") in _WITHOUT_DEFAULTS:
        raise BackboneError(no_end_token(reference))
    rows = text_config(config).get("vocab_size")
    tokenizer = _json(folder / "tokenizer.json")
    if not isinstance(rows, int) or not tokenizer:
        return
    largest = _largest_id(tokenizer, end.get("content") if isinstance(end, dict) else end)
    if largest >= rows:
        raise BackboneError(tokens_without_embedding(reference, largest, rows))


def _largest_id(tokenizer: Mapping[str, Any], end: object) -> int:
    """Returns the largest id of the vocabulary and the end token; -1 if there is none."""
    model = tokenizer.get("model")
    vocabulary = model.get("vocab") if isinstance(model, dict) else None
    ids = [-1]
    if isinstance(vocabulary, dict):
        ids += [token for token in vocabulary.values() if isinstance(token, int)]
    elif isinstance(vocabulary, list):
        ids.append(len(vocabulary) - 1)
    added = tokenizer.get("added_tokens")
    for token in added if isinstance(added, list) else ():
        if token.get("content") == end and isinstance(token.get("id"), int):
            ids.append(token["id"])
    return max(ids)


def _json(path: Path) -> dict[str, Any]:
    """Reads the JSON object in a file; empty if there is none."""
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    return values if isinstance(values, dict) else {}
