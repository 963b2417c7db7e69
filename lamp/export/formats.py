"""Requirements of each export format: what the backbone must be, and how much disk space is needed."""

from __future__ import annotations

from importlib.util import find_spec
from typing import Any

from transformers import AutoConfig

from lamp.errors import BackboneError, DataError
from lamp.export.options import ExportOptions
from lamp.export.saved_prompt import SavedPrompt
from lamp.model_files.packed_weights import packing_of

_TYPE_BYTES = {"f16": 2.0, "q8_0": 1.0625}


def check_export_options(options: ExportOptions, saved: SavedPrompt, source: str) -> None:
    """Raises LampError, in one sentence, for what cannot be exported exactly; does not load any weights."""
    if options.format == "embeddings":
        return
    reference = saved.config.backbone
    config: Any = AutoConfig.from_pretrained(source, trust_remote_code=False)
    if options.is_gguf:
        _check_gguf(options, reference, config)
    if options.base is None and packing_of(config.to_dict()):
        raise BackboneError(
            f"The backbone {reference!r} is stored in few bits, to which no rows can be added: export the embeddings, "
            "or give a GGUF file of the model with --gguf."
        )


def _check_gguf(options: ExportOptions, reference: str, config: Any) -> None:
    if config.is_encoder_decoder:
        raise BackboneError(
            f"The backbone {reference!r} has an encoder and a decoder, which LM Studio and Ollama do not run: export "
            "it as merged instead."
        )
    if find_spec("gguf") is None:
        raise DataError("GGUF files need the package gguf: run pip install 'lamp-studio[gguf]' and try again.")
    if options.base is None:
        from lamp.export.gguf_base import TIED_ALWAYS, tied_always
        from lamp.export.gguf_families import family_of

        if config.model_type in TIED_ALWAYS:
            raise BackboneError(tied_always(config.model_type))
        family_of(reference, config)
    elif not options.base.is_file():
        raise DataError(f"There is no GGUF file {options.base}.")


def needed_bytes(options: ExportOptions, source: str, stored: int) -> int:
    """Estimates the bytes of an export, rather too many than too few. stored: bytes of the backbone's weights."""
    if options.format == "embeddings":
        return 10_000_000
    config: Any = AutoConfig.from_pretrained(source, trust_remote_code=False)
    text = config.get_text_config(decoder=True)
    size = getattr(getattr(config, "dtype", None), "itemsize", 4)
    table = text.vocab_size * text.hidden_size
    if options.base is not None:
        needed: float = options.base.stat().st_size + 4 * table
    elif options.is_gguf:
        needed = (stored / size + table) * _TYPE_BYTES[options.type_name] + table
    else:
        needed = stored + size * table
    return int(1.02 * needed) + 20_000_000
