"""Describes a backbone from its config and the headers of its weights; loads no weights and runs none of its code."""

from __future__ import annotations

import json
import math
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

from lamp.errors import BackboneError
from lamp.hub.architecture import WEIGHTS, WEIGHTS_INDEX, Architecture, architecture_of, check_files, hidden_size_of
from lamp.hub.folders import named_path
from lamp.hub.model_shape import ModelShape, model_shape
from lamp.hub.refusals import refusal
from lamp.hub.safetensors_header import (
    Tensors,
    count_parameters,
    embedding_shape,
    stored_tensors,
    without_encoders,
)
from lamp.hub.stored_layers import check_layers
from lamp.hub.stored_quantization import (
    StoredQuantization,
    stored_bytes,
    stored_quantization,
    unpacked_shapes,
)
from lamp.hub.timeouts import HUB_TIMEOUT
from lamp.hub.tokenizer_fit import check_tokenizer_files
from lamp.model_files.positions import longest_sequence, longest_target
from lamp.text_limits import LONGEST_NAME

REFUSAL_SECONDS = 15.0
"""Seconds for which a refusal about a Hub id is repeated without asking again."""

_refusals: dict[str, tuple[float, str]] = {}
"""Hub id → the time of the refusal (time.monotonic), and its sentence."""
_HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]*(/[A-Za-z0-9][\w.-]*)?", re.ASCII)

_Files = tuple[tuple[str, int, int], ...]
"""The files of a folder, sorted: (name, size in bytes, time of the last change in nanoseconds)."""


@dataclass(frozen=True)
class BackboneInfo:
    """Describes a backbone before it is loaded."""

    source: str
    """The Hub id or the folder that it is loaded from."""
    architecture: Architecture
    hidden_size: int
    """d: width of the token embeddings, and so of each virtual token."""
    parameters: int
    """Number of stored floating-point numbers; tied matrices count once, encoders of images and sound not at all."""
    longest_sequence: int | None
    """Positions for prompt, input and target, or of an encoder; None without a limit."""
    longest_target: int | None = None
    """Number of positions of an encoder-decoder model's decoder; None without a limit."""
    shape: ModelShape = field(kw_only=True)
    model_type: str = field(kw_only=True)
    """transformers' name of the family, such as "llama"."""
    stored_bytes: int = field(kw_only=True)
    """Size of the weight files in bytes."""
    quantization: StoredQuantization | None = None
    """How the stored weights are packed; None for ordinary ones."""
    packed_bytes: int | None = None
    """Size in bytes of weights that stay packed in memory; None for others."""


def inspect(reference: str) -> BackboneInfo:
    """Describes the backbone in a local folder or, by its id ("org/name"), on the Hub.

    Raises BackboneError, in one sentence, for a backbone that cannot be found, reached or tuned. This process remembers
    what it has read, because a form that is being filled in asks at every change: a folder until one of its files
    changes, a Hub id for good, a refusal of the Hub for REFUSAL_SECONDS.
    """
    reference = reference.strip()
    if not reference:
        raise BackboneError("Choose a backbone: a Hub id such as HuggingFaceTB/SmolLM2-135M-Instruct, or a folder.")
    folder = named_path(reference)
    try:
        if len(reference) <= LONGEST_NAME and folder.is_dir():
            return _inspect_folder(folder, reference)
    except OSError as error:
        raise BackboneError(f"The backbone {reference[:100]!r} cannot be read: {error.strerror or error}.") from error
    if not is_hub_id(reference):
        raise BackboneError(
            f"The backbone {reference[:100]!r} is neither a folder on this machine nor a Hub id: "
            "write an id such as HuggingFaceTB/SmolLM2-135M-Instruct, or the path of a folder that exists."
        )
    refused_at, sentence = _refusals.get(reference, (-math.inf, ""))
    if time.monotonic() - refused_at < REFUSAL_SECONDS:
        raise BackboneError(sentence)
    try:
        return _inspect_hub(reference)
    except BackboneError as error:
        if len(_refusals) >= 128:
            _refusals.clear()
        _refusals[reference] = (time.monotonic(), str(error))
        raise


def is_hub_id(reference: str) -> bool:
    """Returns whether this can be the name of a repository on the Hub."""
    valid = _HUB_ID.fullmatch(reference) and len(reference) <= 96
    return bool(valid) and "--" not in reference and ".." not in reference and not reference.endswith(".git")


def _inspect_folder(folder: Path, reference: str) -> BackboneInfo:
    statuses = {path.name: path.stat() for path in folder.iterdir() if path.is_file()}
    files = tuple(sorted((name, status.st_size, status.st_mtime_ns) for name, status in statuses.items()))
    return _read_folder(folder, reference, files)


@lru_cache(maxsize=128)
def _read_folder(folder: Path, reference: str, files: _Files) -> BackboneInfo:
    """Reads the config and the headers of the weights.

    files: the content of `folder`; a changed file makes a new cache entry.
    """
    names = {name for name, _, _ in files}
    check_files(reference, names)
    config = _parsed(reference, folder / "config.json")
    shards = {WEIGHTS}
    if WEIGHTS not in names:
        shards = _shards(reference, folder / WEIGHTS_INDEX)
    missing = sorted(shards - names)
    if missing or not shards:
        raise BackboneError(
            f"The backbone {reference!r} is not whole: {missing[0] if missing else 'its list of weights'} is missing; "
            "copy or download it again."
        )
    tensors: Tensors = {}
    for shard in sorted(shards):
        tensors |= stored_tensors(reference, folder / shard)
    check_tokenizer_files(reference, config, folder)
    return _info_of(reference, config, tensors, sum(size for name, size, _ in files if name in shards))


@lru_cache(maxsize=128)
def _inspect_hub(reference: str) -> BackboneInfo:
    """Asks the Hub for the file names, the config and the headers of the weights."""
    import httpx2
    from huggingface_hub import HfApi, hf_hub_download

    api = HfApi()
    try:
        model = api.model_info(reference, timeout=HUB_TIMEOUT)
        check_files(reference, {file.rfilename for file in model.siblings or ()})
        config_file = hf_hub_download(reference, "config.json", revision=model.sha, etag_timeout=HUB_TIMEOUT)
        config = _parsed(reference, Path(config_file))
        architecture_of(reference, config)
        stored_quantization(reference, config)  # before the headers of weights that could not be used anyway
        weights = api.get_safetensors_metadata(reference, revision=model.sha, timeout=HUB_TIMEOUT)
    except (httpx2.HTTPError, httpx2.InvalidURL, OSError, ValueError, RuntimeError) as error:
        # RuntimeError: a thread that loses its connection closes the client that huggingface_hub's threads share.
        return _inspect_hub_cache(reference, error)
    tensors = {
        name: (str(tensor.dtype), tuple(tensor.shape))
        for file in weights.files_metadata.values()
        for name, tensor in file.tensors.items()
    }
    stored = (tensor.data_offsets for file in weights.files_metadata.values() for tensor in file.tensors.values())
    return _info_of(reference, config, tensors, sum(end - begin for begin, end in stored))


def _inspect_hub_cache(reference: str, error: Exception) -> BackboneInfo:
    """Describes the copy in huggingface_hub's cache on this machine. error: why the Hub could not be asked.

    Raises BackboneError if the Hub has refused, or if nothing is cached.
    """
    from huggingface_hub import try_to_load_from_cache
    from huggingface_hub.errors import HfHubHTTPError

    if not isinstance(error, HfHubHTTPError):
        cached = try_to_load_from_cache(reference, "config.json")
        if isinstance(cached, str) and any((Path(cached).parent / name).exists() for name in (WEIGHTS, WEIGHTS_INDEX)):
            return _inspect_folder(Path(cached).parent, reference)
    instead = "give a folder on this machine or use the offline backbone"
    raise BackboneError(refusal("backbone", reference, error, instead)) from error


def _shards(reference: str, index: Path) -> set[str]:
    """Returns the names of the files that an index of weights lists. Raises BackboneError."""
    files = _parsed(reference, index).get("weight_map")
    if not isinstance(files, dict) or not all(isinstance(name, str) for name in files.values()):
        raise BackboneError(
            f'{index.name} of the backbone {reference!r} has no list of weights in "weight_map": get it again.'
        )
    return set(files.values())


def _parsed(reference: str, path: Path) -> dict[str, Any]:
    """Reads the JSON object in a file. Raises BackboneError if the file holds anything else."""
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise BackboneError(f"{path.name} of the backbone {reference!r} is not valid JSON: get it again.") from error
    if not isinstance(values, dict):
        raise BackboneError(f"{path.name} of the backbone {reference!r} must be a JSON object: get it again.")
    return values


def _info_of(reference: str, config: Mapping[str, Any], tensors: Tensors, file_bytes: int) -> BackboneInfo:
    architecture = architecture_of(reference, config)
    quantization = stored_quantization(reference, config)
    tensors = without_encoders(tensors)
    shapes = unpacked_shapes(tensors, quantization)
    check_layers(reference, config, shapes)
    embedding = embedding_shape(shapes)
    hidden_size = hidden_size_of(reference, config, embedding)
    return BackboneInfo(
        source=reference,
        architecture=architecture,
        hidden_size=hidden_size,
        parameters=count_parameters(config, shapes),
        longest_sequence=longest_sequence(config),
        longest_target=longest_target(config) if architecture == "encoder-decoder" else None,
        shape=model_shape(config, hidden_size, embedding[0] if embedding else 0),
        model_type=str(config.get("model_type") or ""),
        stored_bytes=file_bytes,
        quantization=quantization,
        packed_bytes=stored_bytes(tensors) if quantization and quantization.stays_packed else None,
    )
