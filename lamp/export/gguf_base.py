"""Checks that a GGUF file is the model that a prompt was trained for, and that it can carry a prompt."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from gguf import GGUFReader
from gguf.quants import dequantize

from lamp.errors import BackboneError
from lamp.export.gguf_file import EMBEDDING, HEAD, fields_value
from lamp.export.reference import Reference

TIED_ALWAYS = frozenset({"gemma", "gemma2", "gemma3n", "gemma4", "command-r", "cohere2", "cohere2moe"})
"""Architectures for which llama.cpp always uses the embedding table as output layer."""
_SMALLEST_COSINE = 0.9
"""Smallest accepted cosine between a stored row and the same row of the model.

Four bits keep 0.99; rows of other models have about 0.
"""


def tied_always(architecture: str) -> str:
    """Returns the error sentence for an architecture that cannot have an output layer of its own in llama.cpp."""
    return (
        f"llama.cpp gives a {architecture} model no output layer of its own, so it could answer with a virtual token: "
        "export it as merged instead."
    )


def check_base(base: GGUFReader, file: Path, reference: Reference) -> None:
    """Raises BackboneError for a file of another model, or of a model that cannot have virtual tokens."""
    architecture = str(fields_value(base, "general.architecture"))
    tensors = {tensor.name: tensor for tensor in base.tensors}
    if (fields_value(base, "split.count") or 1) > 1:
        raise BackboneError(f"{file.name} is one part of a model: join its parts with llama.cpp's gguf-split first.")
    if HEAD not in tensors and architecture in TIED_ALWAYS:
        raise BackboneError(tied_always(architecture))
    table, tokens = tensors.get(EMBEDDING), fields_value(base, "tokenizer.ggml.tokens")
    if table is None or tokens is None:
        raise BackboneError(f"{file.name} holds no language model: choose the GGUF file of the backbone.")
    other = BackboneError(
        f"{file.name} is not the model that the prompt was trained for: its vocabulary or its embeddings are others."
    )
    if int(table.shape[0]) != reference.rows.shape[1]:
        raise other
    cosines: list[float] = []
    for token, row in reference.sampled.items():
        if token >= len(tokens):
            raise other
        stored = dequantize(np.asarray(table.data[token : token + 1]), table.tensor_type)[0]
        size = np.linalg.norm(stored) * np.linalg.norm(row.numpy())
        cosines.append(float(stored @ row.numpy() / size) if size else 1.0)
    if sum(cosines) / len(cosines) < _SMALLEST_COSINE:
        raise other
