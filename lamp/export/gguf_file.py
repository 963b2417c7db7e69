"""Writes GGUF files, the format of llama.cpp, with tokens for a prompt's virtual tokens."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import gguf
import numpy as np
from gguf import GGMLQuantizationType as Type
from gguf import GGUFReader, GGUFWriter, LlamaFileType
from gguf.quants import QuantError, dequantize, quantize

from lamp.errors import BackboneError
from lamp.export.virtual_vocabulary import VirtualVocabulary

EMBEDDING, HEAD = "token_embd.weight", "output.weight"
USER_DEFINED = 4
"""llama.cpp's type of a token that is always recognised in a text, before the text is split."""
_LOWEST_SCORE = -10000.0
FILE_TYPES = {"f16": (Type.F16, LlamaFileType.MOSTLY_F16), "q8_0": (Type.Q8_0, LlamaFileType.MOSTLY_Q8_0)}
"""The types of weights to which a model can be converted here, by name."""

Field = tuple[Any, gguf.GGUFValueType, gguf.GGUFValueType | None]
"""A value of a GGUF file, its type, and the type of its items if it is an array."""


@dataclass(frozen=True, eq=False)
class StoredTensor:
    """A tensor to be written into the file."""

    name: str
    shape: tuple[int, ...]
    """Counted in numbers, not in bytes"""
    type: Type
    data: Callable[[], Any]
    """Returns the stored bytes when they are written, so that only one tensor at a time is in memory"""


def tensor_of(name: str, values: Any, type: Type) -> StoredTensor:
    """Packs numbers as a tensor of a type; as F16 if rows of their length cannot be packed in it."""
    block, _ = gguf.GGML_QUANT_SIZES[type]
    stored = type if values.shape[-1] % block == 0 else Type.F16
    return StoredTensor(name, tuple(values.shape), stored, partial(quantize, values, stored))


def write_gguf(
    file: Path,
    architecture: str,
    fields: dict[str, Field],
    tensors: Sequence[StoredTensor],
    on_share: Callable[[float], None],
) -> None:
    """Writes a GGUF file, one tensor after the other."""
    writer = GGUFWriter(file, architecture)
    for name, (value, kind, items) in fields.items():
        writer.add_key_value(name, value, kind, sub_type=items)
    for tensor in tensors:
        block, size = gguf.GGML_QUANT_SIZES[tensor.type]
        stored = (*tensor.shape[:-1], tensor.shape[-1] // block * size)
        numbers = {Type.F32: np.float32, Type.F16: np.float16}.get(tensor.type)
        shape, dtype = (tensor.shape, numbers) if numbers else (stored, np.uint8)
        writer.add_tensor_info(tensor.name, shape, np.dtype(dtype), int(np.prod(stored)), tensor.type)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_ti_data_to_file()
    for number, tensor in enumerate(tensors):
        on_share(number / len(tensors))
        writer.write_tensor_data(np.ascontiguousarray(tensor.data()))
    writer.close()


def prompt_fields(fields: dict[str, Field], vocabulary: VirtualVocabulary) -> dict[str, Field]:
    """Returns a model's fields with a token for each virtual token, and a chat template that writes them.

    The tokens are put before an input as text, followed by what the tokenizer itself would put first: so the engine
    must add no tokens of its own.
    """
    strings, numbers = gguf.GGUFValueType.STRING, gguf.GGUFValueType.BOOL
    changed = {name: field for name, field in fields.items() if not name.startswith("tokenizer.chat_template")}
    more = len(vocabulary.names)
    for name, new in (
        ("tokens", vocabulary.names),
        ("token_type", [USER_DEFINED] * more),
        ("scores", [_LOWEST_SCORE] * more),
    ):
        key = f"tokenizer.ggml.{name}"
        if key in changed:
            values, kind, items = changed[key]
            changed[key] = ([*values, *new], kind, items)
    for name in [name for name in changed if name.endswith(".vocab_size")]:
        changed[name] = (len(changed["tokenizer.ggml.tokens"][0]), *changed[name][1:])
    for name in ("add_bos_token", "add_eos_token"):
        changed[f"tokenizer.ggml.{name}"] = (False, numbers, None)
    if vocabulary.chat_template:
        changed["tokenizer.chat_template"] = (vocabulary.chat_template, strings, None)
    return changed


def read_base(file: Path) -> GGUFReader:
    """Reads the GGUF file of a model. Raises BackboneError."""
    try:
        return GGUFReader(file)
    except (OSError, ValueError, IndexError, KeyError) as error:
        raise BackboneError(f"{file.name} is not a whole GGUF file: choose another one.") from error


def append_rows(
    base: GGUFReader,
    vocabulary: VirtualVocabulary,
    rows: Any,
    file: Path,
    on_share: Callable[[float], None],
) -> None:
    """Copies a GGUF file with the prompt's rows (l', d) at the end of its vocabulary; other weights stay as they are.

    The embedding table becomes F16, or stays F32: virtual tokens are a hundred times as large as others, and rows that
    are packed in few bits would lose them.
    """
    fields = {
        field.name: (field.contents(), field.types[0], field.types[-1] if len(field.types) > 1 else None)
        for field in base.fields.values()
        if not field.name.startswith("GGUF.") and field.name != "general.architecture"
    }
    tensors = {tensor.name: tensor for tensor in base.tensors}
    table = tensors[EMBEDDING]
    kind = Type.F32 if table.tensor_type == Type.F32 else Type.F16

    def embeddings() -> Any:
        return np.concatenate([dequantize(table.data, table.tensor_type), rows]).astype(
            np.float32 if kind == Type.F32 else np.float16
        )

    shape = (_rows(table) + len(rows), rows.shape[1])
    head = tensors.get(HEAD, table)
    written = [StoredTensor(EMBEDDING, shape, kind, embeddings)]
    written.append(StoredTensor(HEAD, shape, head.tensor_type, partial(_with_low_rows, head, len(rows))))
    written += [
        StoredTensor(
            tensor.name, tuple(map(int, tensor.shape[::-1])), tensor.tensor_type, partial(np.asarray, tensor.data)
        )
        for tensor in base.tensors
        if tensor.name not in (EMBEDDING, HEAD)
    ]
    if (bias := tensors.get("output.bias")) is not None:
        more = np.full(len(rows), bias.data.astype(np.float32).mean(), np.float32)
        values = np.concatenate([dequantize(bias.data, bias.tensor_type), more])
        written = [tensor for tensor in written if tensor.name != "output.bias"]
        written.append(tensor_of("output.bias", values, Type.F32))
    architecture = str(fields_value(base, "general.architecture"))
    write_gguf(file, architecture, prompt_fields(fields, vocabulary), written, on_share)


def fields_value(base: GGUFReader, name: str) -> Any:
    """Returns the value of a field; None if the file does not have it."""
    field = base.get_field(name)
    return None if field is None else field.contents()


def _rows(tensor: Any) -> int:
    return int(tensor.shape[-1])


def _with_low_rows(head: Any, count: int) -> Any:
    """Returns a stored output layer with `count` more rows whose logits are never the largest.

    Each is the mean of the vocabulary's rows, or, in types that can only be read here, a copy of the stored row that is
    nearest to that mean: its logit is never above that of the token that has this row already.
    """
    values = dequantize(head.data, head.tensor_type)
    mean = values.mean(axis=0, dtype=np.float64).astype(np.float32)[None]
    try:
        row = quantize(mean, head.tensor_type)
    except (NotImplementedError, QuantError):
        row = head.data[np.square(values - mean).sum(axis=1).argmin()][None]
    return np.concatenate([head.data, np.repeat(row.view(head.data.dtype), count, axis=0)])
