"""What a backbone is, by its config and the headers of its weights: nothing is loaded, no code of it is run."""

from __future__ import annotations

import json
import math
import re
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from lamp.errors import BackboneError
from lamp.refusals import refusal
from lamp.stored import Shapes, count_parameters, is_number, stored_shapes

if TYPE_CHECKING:
    from huggingface_hub.hf_api import ModelInfo

Architecture = Literal["causal", "encoder-decoder"]
HUB_TIMEOUT = 10.0
"""Seconds that one question to the Hub may take."""

REFUSAL_SECONDS = 15.0
"""How long a refusal about a Hub id is repeated without asking again."""

_refusals: dict[str, tuple[float, str]] = {}
"""Hub id → when it was refused, and the sentence."""
_HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]*(/[A-Za-z0-9][\w.-]*)?", re.ASCII)
_WIDTHS = ("word_embed_proj_dim", "hidden_size", "d_model", "n_embd", "n_embed")
_OTHER_SENSES = ("vision_config", "audio_config", "vision_tower", "mm_vision_tower", "num_mel_bins", "image_token_id",
                 "image_token_index", "audio_token_id", "audio_encoder")
_TOKENIZERS = {"tokenizer.json", "tokenizer.model", "spiece.model", "sentencepiece.bpe.model", "vocab.json",
               "vocab.txt", "tokenizer_config.json", "tekken.json"}
_INDEX = "model.safetensors.index.json"
_SINGLE = "model.safetensors"


@dataclass(frozen=True)
class BackboneInfo:
    """What must be known of a backbone before a prompt is tuned for it."""

    reference: str
    """The Hub id or the folder, as it was asked for."""
    architecture: Architecture
    hidden_size: int
    """d: width of the embeddings that a virtual token stands beside."""
    parameters: int
    """Stored floating-point numbers, tied matrices counted once."""
    model_type: str
    licence: str = ""
    """The Hub's licence tag ("apache-2.0"); empty for a folder, or where the Hub names none."""


def inspect(reference: str) -> BackboneInfo:
    """What the Hub id ("org/name") or local folder `reference` is.

    Raises BackboneError, in one sentence, for whatever cannot be found, reached or tuned. Answers about Hub ids
    are remembered by this process, refusals for a few seconds: a form that is being filled in asks at every change.
    """
    reference = reference.strip()
    if not reference:
        raise BackboneError("Choose a backbone: a Hub id such as HuggingFaceTB/SmolLM2-135M-Instruct, or a folder.")
    folder = Path(reference).expanduser()
    try:
        if folder.is_dir():
            return _inspect_folder(folder, reference)
    except OSError as error:
        raise BackboneError(f"The backbone {reference!r} cannot be read: {error.strerror or error}.") from error
    if not is_hub_id(reference):
        raise BackboneError(
            f"The backbone {reference[:100]!r} is neither a folder on this machine nor a Hub id: "
            "write an id such as HuggingFaceTB/SmolLM2-135M-Instruct, or the path of a folder that exists."
        )
    since, refusal = _refusals.get(reference, (-math.inf, ""))
    if time.monotonic() - since < REFUSAL_SECONDS:
        raise BackboneError(refusal)
    try:
        return _inspect_hub(reference)
    except BackboneError as error:
        if len(_refusals) >= 128:
            _refusals.clear()
        _refusals[reference] = (time.monotonic(), str(error))
        raise


def is_hub_id(reference: str) -> bool:
    """Whether the Hub takes this as the name of a repository."""
    valid = _HUB_ID.fullmatch(reference) and len(reference) <= 96
    return bool(valid) and "--" not in reference and ".." not in reference and not reference.endswith(".git")


def _inspect_folder(folder: Path, reference: str) -> BackboneInfo:
    names = {path.name for path in folder.iterdir() if path.is_file()}
    _check_files(reference, names)
    config = _parsed(reference, folder / "config.json")
    shards = {_SINGLE}
    if _SINGLE not in names:
        shards = set(map(str, _parsed(reference, folder / _INDEX).get("weight_map", {}).values()))
    missing = sorted(shards - names)
    if missing or not shards:
        raise BackboneError(
            f"The backbone {reference!r} is not whole: {missing[0] if missing else 'its list of weights'} is missing; "
            "copy or download it again."
        )
    shapes: Shapes = {}
    for shard in sorted(shards):
        shapes |= stored_shapes(reference, folder / shard)
    return _describe(reference, config, shapes)


@lru_cache(maxsize=128)
def _inspect_hub(reference: str) -> BackboneInfo:
    import httpx2
    from huggingface_hub import HfApi, hf_hub_download

    api = HfApi()
    try:
        model = api.model_info(reference, timeout=HUB_TIMEOUT)
        _check_files(reference, {file.rfilename for file in model.siblings or ()})
        config_file = hf_hub_download(reference, "config.json", revision=model.sha, etag_timeout=HUB_TIMEOUT)
        config = _parsed(reference, Path(config_file))
        _architecture(reference, config)  # before the headers of weights that could not be used anyway
        stored = api.get_safetensors_metadata(reference, revision=model.sha, timeout=HUB_TIMEOUT)
    except (httpx2.HTTPError, httpx2.InvalidURL, OSError, ValueError, RuntimeError) as error:
        # RuntimeError: a thread that loses its connection closes the client that huggingface_hub's threads share.
        return _already_here(reference, error)
    shapes = {
        name: tuple(tensor.shape)
        for file in stored.files_metadata.values()
        for name, tensor in file.tensors.items()
        if is_number(tensor.dtype)
    }
    return replace(_describe(reference, config, shapes), licence=_licence(model))


def _already_here(reference: str, error: Exception) -> BackboneInfo:
    """The backbone from the Hub's cache on this machine when the Hub does not answer; else BackboneError."""
    from huggingface_hub import try_to_load_from_cache
    from huggingface_hub.errors import HfHubHTTPError

    if not isinstance(error, HfHubHTTPError):
        cached = try_to_load_from_cache(reference, "config.json")
        if isinstance(cached, str) and (Path(cached).parent / _SINGLE).exists():
            return _inspect_folder(Path(cached).parent, reference)
    instead = "give a folder on this machine or use the offline backbone"
    raise BackboneError(refusal("backbone", reference, error, instead)) from error


def _check_files(reference: str, names: Iterable[str]) -> None:
    """Raises BackboneError unless config, safetensors weights and a tokenizer are among the file names."""
    names = set(names)
    if "config.json" not in names:
        raise BackboneError(f"{reference!r} holds no config.json, so it is not a language model: "
                            "choose one that transformers can load.")
    if not names & {_SINGLE, _INDEX}:
        pickled = any(name.endswith((".bin", ".pt", ".pth", ".ckpt")) for name in names)
        has = "stores its weights as pickle files, which can run code when they are loaded" if pickled \
            else "holds no model.safetensors"
        raise BackboneError(f"The backbone {reference!r} {has}: choose one with safetensors weights, or convert it.")
    if not names & _TOKENIZERS:
        raise BackboneError(f"The backbone {reference!r} has no tokenizer beside its weights: add its tokenizer.json.")


def _parsed(reference: str, path: Path) -> dict[str, Any]:
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise BackboneError(f"{path.name} of the backbone {reference!r} is not valid JSON: get it again.") from error
    if not isinstance(values, dict):
        raise BackboneError(f"{path.name} of the backbone {reference!r} must be a JSON object: get it again.")
    return values


def _describe(reference: str, config: Mapping[str, Any], shapes: Shapes) -> BackboneInfo:
    return BackboneInfo(
        reference=reference,
        architecture=_architecture(reference, config),
        hidden_size=_hidden_size(reference, config),
        parameters=count_parameters(config, shapes),
        model_type=str(config.get("model_type") or ""),
    )


def _architecture(reference: str, config: Mapping[str, Any]) -> Architecture:
    """The kind that the config declares (never the name); BackboneError for what a soft prompt cannot be tuned for."""
    model_type = str(config.get("model_type") or "")
    named = config.get("architectures") or [""]
    cls = str(named[0])
    if config.get("auto_map") and not _known_to_transformers(model_type):
        raise BackboneError(f"The backbone {reference!r} needs code from its own repository, which the studio does "
                            "not run: choose one that transformers supports by itself.")
    if isinstance(quantised := config.get("quantization_config"), dict):
        how = quantised.get("quant_method") or "unknown method"
        raise BackboneError(f"The backbone {reference!r} is stored quantised ({how}): choose the original model "
                            "that it was made from.")
    if any(config.get(key) is not None for key in _OTHER_SENSES) or model_type.endswith("-encoder-decoder"):
        raise BackboneError(f"The backbone {reference!r} ({cls or model_type}) reads more than text: "
                            "choose a text-only language model.")
    writes = cls.endswith(("ForConditionalGeneration", "WithLMHeadModel"))
    bare = cls.endswith("Model") and not cls.endswith(("EncoderModel", "LMHeadModel"))  # as facebook/bart-base
    if config.get("is_encoder_decoder") and (writes or bare):
        return "encoder-decoder"
    if not config.get("is_encoder_decoder") and cls.endswith(("ForCausalLM", "LMHeadModel")):
        return "causal"
    if not cls:
        raise BackboneError(f"config.json of the backbone {reference!r} does not say what it is: "
                            'add "architectures", such as ["LlamaForCausalLM"].')
    raise BackboneError(f"The backbone {reference!r} is a {cls}, which cannot write text (an encoder such as BERT, a "
                        "classifier, or no language model): choose a causal or an encoder-decoder language model.")


def _known_to_transformers(model_type: str) -> bool:
    """Whether the installed transformers has code of its own for this type; looked up without importing it."""
    spec = find_spec("transformers")
    places = spec.submodule_search_locations if spec else None
    name = re.sub(r"\W", "_", model_type)
    return bool(name and places) and any((Path(place) / "models" / name).is_dir() for place in places or ())


def _hidden_size(reference: str, config: Mapping[str, Any]) -> int:
    parts = [config, *(config[key] for key in ("text_config", "encoder") if isinstance(config.get(key), dict))]
    for part in parts:
        for key in _WIDTHS:
            if isinstance(width := part.get(key), int) and width > 0:
                return width
    raise BackboneError(f"config.json of the backbone {reference!r} does not give its hidden size: choose another one.")


def _licence(model: ModelInfo) -> str:
    licence = model.card_data.get("license") if model.card_data else None
    return licence if isinstance(licence, str) else ""
