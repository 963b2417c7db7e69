"""Finds a backbone's chat template and tokenizer in a folder, in the Hub's cache, or on the Hub."""

from __future__ import annotations

import json
from functools import lru_cache
from pathlib import Path

from lamp.hub.architecture import WEIGHTS, WEIGHTS_INDEX
from lamp.hub.folders import is_folder, named_path
from lamp.hub.timeouts import HUB_TIMEOUT


def has_chat_template(reference: str) -> bool | None:
    """Returns whether the backbone in a folder or under a Hub id has a chat template; None if that is unknown."""
    folder = named_path(reference)
    try:
        if is_folder(reference):
            return (folder / "chat_template.jinja").is_file() or _names_template(folder / "tokenizer_config.json")
        return _has_template_on_hub(reference)
    except (OSError, ValueError, RuntimeError):  # RuntimeError: see lamp.hub.catalog
        return None  # loading the backbone will report the error


def tokenizer_file(reference: str) -> Path | None:
    """Returns the tokenizer.json of a folder or of a cached Hub id; None if this machine has none."""
    if is_folder(reference):
        file = named_path(reference) / "tokenizer.json"
        return file if file.is_file() else None
    from huggingface_hub import try_to_load_from_cache

    cached = try_to_load_from_cache(reference, "tokenizer.json")
    return Path(cached) if isinstance(cached, str) else None


def is_here(reference: str) -> bool:
    """Returns whether the weights of a folder or of a Hub id are on this machine, without asking the Hub."""
    if is_folder(reference):
        return True
    from huggingface_hub import try_to_load_from_cache

    return any(isinstance(try_to_load_from_cache(reference, name), str) for name in (WEIGHTS, WEIGHTS_INDEX))


@lru_cache(maxsize=128)
def _has_template_on_hub(reference: str) -> bool:
    from huggingface_hub import HfApi, hf_hub_download, try_to_load_from_cache

    if isinstance(try_to_load_from_cache(reference, "chat_template.jinja"), str):
        return True
    for name in ("chat_template.jinja", "tokenizer_config.json"):
        if HfApi().file_exists(reference, name):
            file = Path(hf_hub_download(reference, name, etag_timeout=HUB_TIMEOUT))
            if file.suffix == ".jinja" or _names_template(file):
                return True
    return False


def _names_template(tokenizer_config: Path) -> bool:
    """Returns whether a tokenizer_config.json contains a chat template, as older models have it."""
    if not tokenizer_config.is_file():
        return False
    return bool(json.loads(tokenizer_config.read_text(encoding="utf-8")).get("chat_template"))
