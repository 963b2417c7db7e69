"""Converts a transformers model to a GGUF file."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import gguf
from gguf import GGMLQuantizationType as Type
from gguf import GGUFValueType
from torch import Tensor

from lamp.errors import BackboneError
from lamp.export.gguf_families import GgufFamily, config_fields, extra_tensors
from lamp.export.gguf_file import EMBEDDING, FILE_TYPES, USER_DEFINED, Field, StoredTensor, tensor_of, write_gguf
from lamp.export.virtual_vocabulary import VirtualVocabulary

_NORMAL, _CONTROL, _UNUSED = 1, 3, 5
"""llama.cpp's token types"""
_GPT4 = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}%s| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
_SPLITS = {_GPT4 % "{1,3}": "llama-bpe", _GPT4 % "": "qwen2"}
"""The regular expressions with which tokenizers split a text, and llama.cpp's names for them"""
_LARGEST = 65504.0
"""The largest number in F16"""


def write_converted(
    model: Any,
    family: GgufFamily,
    vocabulary: VirtualVocabulary,
    end_ids: tuple[int, ...],
    type_name: str,
    file: Path,
    on_share: Callable[[float], None],
) -> None:
    """Converts and writes a model that has rows for the virtual tokens.

    type_name: one of FILE_TYPES, for the matrices; the embedding table is always F16. Raises BackboneError.
    """
    config = model.config
    kind, file_type = FILE_TYPES[type_name]
    fields = {
        "general.name": (file.stem, GGUFValueType.STRING, None),
        "general.file_type": (int(file_type), GGUFValueType.UINT32, None),
        "general.quantization_version": (gguf.GGML_QUANT_VERSION, GGUFValueType.UINT32, None),
        **config_fields(family, config),
        **vocabulary_fields(vocabulary, end_ids, config.vocab_size),
    }
    names = gguf.get_tensor_name_map(family.arch, config.num_hidden_layers)
    tensors = []
    extra = extra_tensors(config)
    for name, weight in {**model.state_dict(), **extra}.items():
        known = (names.get_name(one, (".weight", ".bias")) for one in (name, name.removeprefix("transformer.")))
        stored = name if name in extra else next(filter(None, known), None)
        if stored is None:
            raise BackboneError(f"The weight {name} of this {config.model_type} model has no place in a GGUF file.")
        tensors.append(_stored(stored, name, weight, kind, lambda name, weight: family.change(name, weight, config)))
    write_gguf(file, family.name, fields, tensors, on_share)


def _stored(
    stored: str, name: str, weight: Tensor, kind: Type, change: Callable[[str, Tensor], Tensor]
) -> StoredTensor:
    """Returns a weight with its GGUF name and type; vectors stay F32, as llama.cpp expects."""
    if weight.dim() < 2:
        return tensor_of(stored, change(name, weight).float().numpy(), Type.F32)
    shape = change(name, weight).shape
    block, _ = gguf.GGML_QUANT_SIZES[kind]
    chosen = Type.F16 if stored == EMBEDDING or shape[-1] % block else kind

    def data() -> Any:
        values = change(name, weight).float()
        if chosen == Type.F16 and values.abs().max() > _LARGEST:
            raise BackboneError(f"The weight {name} is too large for numbers in F16: export it as merged instead.")
        return tensor_of(stored, values.numpy(), chosen).data()

    return StoredTensor(stored, tuple(shape), chosen, data)


def vocabulary_fields(vocabulary: VirtualVocabulary, end_ids: tuple[int, ...], rows: int) -> dict[str, Field]:
    """Returns the tokenizer's fields for llama.cpp; only byte-level BPE, whose file is complete, is supported.

    Raises BackboneError. rows: of the embedding table.
    """
    tokenizer = vocabulary.tokenizer
    values = json.loads(tokenizer.backend_tokenizer.to_str())
    strings, whole, array = GGUFValueType.STRING, GGUFValueType.UINT32, GGUFValueType.ARRAY
    split = pre_tokenizer(values)
    if values["model"].get("type") != "BPE" or split is None:
        raise BackboneError(
            "The tokenizer of this backbone splits texts in a way that is not converted to GGUF here: give a GGUF file "
            "of the same model with --gguf, or export it as merged."
        )
    tokens, types = [f"[PAD{number}]" for number in range(rows)], [_UNUSED] * rows
    added = {number: token for number, token in tokenizer.added_tokens_decoder.items() if number < rows}
    for token, number in tokenizer.get_vocab().items():
        if number < rows:
            tokens[number], types[number] = token, _NORMAL
    for number, token in added.items():
        special = token.special and number not in vocabulary.ids
        tokens[number], types[number] = token.content, _CONTROL if special else USER_DEFINED
    merges = [pair if isinstance(pair, str) else " ".join(pair) for pair in values["model"]["merges"]]
    fields: dict[str, Field] = {
        "tokenizer.ggml.model": ("gpt2", strings, None),
        "tokenizer.ggml.pre": (split, strings, None),
        "tokenizer.ggml.tokens": (tokens, array, strings),
        "tokenizer.ggml.token_type": (types, array, GGUFValueType.INT32),
        "tokenizer.ggml.merges": (merges, array, strings),
        "tokenizer.ggml.add_bos_token": (False, GGUFValueType.BOOL, None),
    }
    named = zip(("eos", "eot", "eom"), end_ids, strict=False)
    numbers = {**dict(named), "bos": tokenizer.bos_token_id, "padding": tokenizer.pad_token_id}
    for name, number in numbers.items():
        if number is not None:
            fields[f"tokenizer.ggml.{name}_token_id"] = (number, whole, None)
    if vocabulary.chat_template:
        fields["tokenizer.chat_template"] = (vocabulary.chat_template, strings, None)
    return fields


def pre_tokenizer(values: dict[str, Any]) -> str | None:
    """Returns llama.cpp's name for the way a tokenizer.json splits a text; None if it is not known here."""
    normalizer = values.get("normalizer") or {}
    if normalizer and normalizer.get("type") != "NFC":
        return None
    outer = values.get("pre_tokenizer") or {}
    steps = outer.get("pretokenizers", []) if outer.get("type") == "Sequence" else [outer]
    *before, last = steps or [{}]
    if last.get("type") != "ByteLevel" or last.get("add_prefix_space"):
        return None
    if last.get("use_regex", True):
        if not before:
            return "gpt-2"
        digits = len(before) == 1 and before[0].get("type") == "Digits" and before[0].get("individual_digits")
        return "smollm" if digits else None
    if len(before) == 1 and before[0].get("type") == "Split" and before[0].get("behavior") == "Isolated":
        return _SPLITS.get(before[0].get("pattern", {}).get("Regex"))
    return None
