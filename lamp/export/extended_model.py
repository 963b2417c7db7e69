"""Copies a backbone and adds vocabulary rows for a prompt's virtual tokens."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from transformers import AutoConfig, DynamicCache, PreTrainedConfig
from transformers.utils.hub import cached_file

from lamp.backbone.generation_config import decoder_start, end_tokens, greedy_config
from lamp.backbone.text_part import auto_class
from lamp.errors import BackboneError
from lamp.export.virtual_vocabulary import VirtualVocabulary

_SHARD = "4GB"
_NOTICES = ("LICENSE*", "NOTICE*", "USE_POLICY*")


def embedding_scale(embedding: Any) -> float:
    """Returns the factor by which a model multiplies its embedding rows; 1 for most, another one for Gemma and others.

    Raises BackboneError if an embedding is not a multiple of its row.
    """
    ids = torch.arange(min(256, len(embedding.weight)), device=embedding.weight.device)
    with torch.no_grad():
        rows, read = embedding.weight[ids].double(), embedding(ids).double()
    scale = float((rows * read).sum() / (rows * rows).sum())
    if not torch.allclose(read, rows * scale, rtol=1e-2, atol=1e-6):
        raise BackboneError(
            "This backbone makes more of a token than a row of its table, so a virtual token cannot be a row: export "
            "the embeddings instead."
        )
    return scale


def stored_dtype(source: str, otherwise: torch.dtype) -> torch.dtype:
    """Returns the number format of a backbone's weights that its config names, or `otherwise`."""
    dtype = AutoConfig.from_pretrained(source, trust_remote_code=False).dtype
    return dtype if isinstance(dtype, torch.dtype) else otherwise


@torch.no_grad()
def extended_model(source: str, rows: Tensor, ids: Sequence[int]) -> Any:
    """Returns the model with rows (l', d) added to its embedding table as the tokens `ids`, its weights as stored.

    The output layer gets rows of its own, each the mean of the vocabulary's: a mean is never above the largest, so no
    logit of a virtual token wins, whatever the model reads. (A row of zeros has the logit 0, which may be the largest.)
    """
    config = AutoConfig.from_pretrained(source, trust_remote_code=False)
    auto: Any = auto_class(config)
    model = auto.from_pretrained(source, dtype="auto", use_safetensors=True, trust_remote_code=False)
    before = len(model.get_input_embeddings().weight)
    virtual = torch.tensor(ids)
    model.resize_token_embeddings(max(before, max(ids) + 1), mean_resizing=False)
    embedding, head = model.get_input_embeddings(), model.get_output_embeddings()
    _untie(model, head)
    kept = torch.ones(before, dtype=torch.bool)
    kept[virtual[virtual < before]] = False  # some tables have more rows than there are tokens
    embedding.weight[before:] = 0.0
    embedding.weight[virtual] = rows.to(embedding.weight)
    if not torch.isfinite(embedding.weight[virtual]).all():
        raise BackboneError(f"The virtual tokens are too large for numbers in {embedding.weight.dtype}.")
    for weight in (head.weight, getattr(head, "bias", None)):
        if weight is not None:
            mean = weight[:before][kept].mean(0, dtype=torch.float32).to(weight.dtype)
            weight[before:] = mean
            weight[virtual] = mean
    return model


def _untie(model: Any, head: Any) -> None:
    """Gives the output layer weights of its own.

    If encoder and decoder share a table as well, the config still says that weights are tied: transformers ties only
    those that are stored with equal values.
    """
    names = [name for name, weight in model.named_parameters(remove_duplicate=False) if weight is head.weight]
    embedding = model.get_input_embeddings()
    if head.weight is not embedding.weight and len(names) == 1:
        return
    head.weight = torch.nn.Parameter(head.weight.detach().clone(), requires_grad=False)
    for name, weight in model.named_parameters(remove_duplicate=False):
        if weight is head.weight:
            model.all_tied_weights_keys.pop(name, None)


def write_model(model: Any, vocabulary: VirtualVocabulary, source: str, new_tokens: int, folder: Path) -> None:
    """Writes weights, config, tokenizer and generation config into an existing folder.

    new_tokens: the most tokens of an answer.
    """
    config_file = Path(str(cached_file(source, "config.json")))
    tokenizer = vocabulary.tokenizer
    ends = end_tokens(model, tokenizer)
    start = decoder_start(model, ends[0]) if model.config.is_encoder_decoder else None
    generation = greedy_config(ends, tokenizer.pad_token_id, 0)
    generation.decoder_start_token_id = start
    generation.suppress_tokens = list(vocabulary.ids)
    generation.max_new_tokens = new_tokens
    generation.use_cache = _caches_every_layer(model)
    model.generation_config = generation
    model.save_pretrained(folder, max_shard_size=_SHARD)
    (folder / "config.json").write_text(json.dumps(_config(source, model), indent=2) + "\n", encoding="utf-8")
    vocabulary.save(folder)
    for pattern in _NOTICES:
        for file in config_file.parent.glob(pattern):
            shutil.copyfile(file, folder / file.name)
    for file in folder.iterdir():
        file.chmod(0o644)  # safetensors' own files can be read by their owner alone


def _caches_every_layer(model: Any) -> bool:
    """Whether transformers' `generate` makes a cache for every layer that writes: it counts those of T5's encoder."""
    if not model.config.is_encoder_decoder:
        return True
    made, needed = (len(DynamicCache(config=config).layers) for config in (model.config, model.get_decoder().config))
    return made >= needed


def _config(source: str, model: Any) -> dict[str, Any]:
    """Returns the backbone's config.json with the larger vocabulary, otherwise unchanged."""
    values, _ = PreTrainedConfig.get_config_dict(source)
    values.pop("_commit_hash", None)
    values.pop("auto_map", None)
    rows = len(model.get_input_embeddings().weight)
    part = values.get("text_config")
    text = part if isinstance(part, dict) else values
    text["vocab_size"] = rows
    _resize(values, rows)
    if not model.config.is_encoder_decoder:
        values["tie_word_embeddings"] = text["tie_word_embeddings"] = False
    return dict(values)


def _resize(values: dict[str, Any], rows: int) -> None:
    """Sets every vocabulary size in a config and its parts, except those for images."""
    for name, value in values.items():
        if isinstance(value, dict) and "vision" not in name and "audio" not in name:
            _resize(value, rows)
        elif name == "vocab_size":
            values[name] = rows
