"""The model types that the installed transformers can load, from its source code, without importing it."""

from __future__ import annotations

import re
from functools import cache
from importlib.util import find_spec
from pathlib import Path

_TYPE_LISTS = ("auto_mappings.py", "configuration_auto.py")
_CLASS_LISTS = "modeling_auto.py"
_ENTRY = re.compile(r'\(\s*"([\w.-]+)",\s*"(\w+)"\s*,?\s*\)')


def is_known(model_type: str) -> bool:
    """Returns whether transformers itself implements this type."""
    return f'"{model_type}"' in _source(*_TYPE_LISTS)


@cache
def multimodal_classes() -> dict[str, str]:
    """Returns the class that loads each type that reads images or sound and writes text; for text alone if possible.

    `lamp.backbone.text_part.auto_class` chooses from the same classes.
    """
    images, more, causal = (
        _classes(f"MODEL_FOR_{name}") for name in ("IMAGE_TEXT_TO_TEXT", "MULTIMODAL_LM", "CAUSAL_LM")
    )
    whole = images | more
    return whole | {model_type: cls for model_type, cls in causal.items() if model_type in whole}


@cache
def encoder_decoder_classes() -> dict[str, str]:
    """Returns the class of each type of encoder-decoder model that writes text."""
    return _classes("MODEL_FOR_SEQ_TO_SEQ_CAUSAL_LM")


def _classes(name: str) -> dict[str, str]:
    """Returns the entries of one of transformers' mappings."""
    _, _, after = _source(_CLASS_LISTS).partition(f"\n{name}_MAPPING_NAMES = ")
    return dict(_ENTRY.findall(after.partition("\n)")[0]))


@cache
def _source(*names: str) -> str:
    spec = find_spec("transformers")
    folders = (spec.submodule_search_locations if spec else None) or ()
    files = (Path(folder) / "models/auto" / name for folder in folders for name in names)
    return "".join(file.read_text(encoding="utf-8") for file in files if file.is_file())
