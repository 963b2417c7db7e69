"""What the installed transformers can load, from its source code; it is not imported."""

from __future__ import annotations

import re
from functools import cache
from importlib.util import find_spec
from pathlib import Path

_TYPE_LISTS = ("auto_mappings.py", "configuration_auto.py")
_CLASS_LISTS = "modeling_auto.py"
_ENTRY = re.compile(r'\(\s*"([\w.-]+)",\s*"(\w+)"\s*,?\s*\)')


def is_known(model_type: str) -> bool:
    """Whether transformers has code of its own for this type."""
    return f'"{model_type}"' in _source(*_TYPE_LISTS)


@cache
def multimodal_classes() -> dict[str, str]:
    """Type of a model that reads images or sound, and writes text → the class that loads it, for text alone if it can.

    What `lamp.backbone.text_part.auto_class` chooses from.
    """
    images, more, causal = (
        _classes(f"MODEL_FOR_{name}") for name in ("IMAGE_TEXT_TO_TEXT", "MULTIMODAL_LM", "CAUSAL_LM")
    )
    whole = images | more
    return whole | {model_type: cls for model_type, cls in causal.items() if model_type in whole}


@cache
def encoder_decoder_classes() -> dict[str, str]:
    """Type of an encoder-decoder model that writes text → its class."""
    return _classes("MODEL_FOR_SEQ_TO_SEQ_CAUSAL_LM")


def _classes(name: str) -> dict[str, str]:
    """The entries that one of transformers' mappings lists."""
    _, _, after = _source(_CLASS_LISTS).partition(f"\n{name}_MAPPING_NAMES = ")
    return dict(_ENTRY.findall(after.partition("\n)")[0]))


@cache
def _source(*names: str) -> str:
    spec = find_spec("transformers")
    folders = (spec.submodule_search_locations if spec else None) or ()
    files = (Path(folder) / "models/auto" / name for folder in folders for name in names)
    return "".join(file.read_text(encoding="utf-8") for file in files if file.is_file())
