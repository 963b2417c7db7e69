"""Single files of a backbone beside its weights: on this machine, in the Hub's cache, or on the Hub."""

from __future__ import annotations

import json
from functools import lru_cache
from pathlib import Path

from lamp.hub.timeouts import HUB_TIMEOUT


def has_chat_template(reference: str) -> bool | None:
    """Whether a backbone's files (a folder, or a Hub id) hold a chat template; None where that cannot be told."""
    folder = Path(reference).expanduser()
    try:
        if folder.is_dir():
            return (folder / "chat_template.jinja").is_file() or _configured(folder / "tokenizer_config.json")
        return _on_hub(reference)
    except (
        OSError,
        ValueError,
        RuntimeError,
    ):  # RuntimeError: see lamp.hub.catalog; loading the backbone will say more
        return None


def tokenizer_file(backbone: str) -> Path | None:
    folder = Path(backbone).expanduser()
    if folder.is_dir():
        file = folder / "tokenizer.json"
        return file if file.is_file() else None
    from huggingface_hub import try_to_load_from_cache

    cached = try_to_load_from_cache(backbone, "tokenizer.json")
    return Path(cached) if isinstance(cached, str) else None


@lru_cache(maxsize=128)
def _on_hub(reference: str) -> bool:
    from huggingface_hub import HfApi, hf_hub_download, try_to_load_from_cache

    if isinstance(try_to_load_from_cache(reference, "chat_template.jinja"), str):
        return True
    for name in ("chat_template.jinja", "tokenizer_config.json"):
        if HfApi().file_exists(reference, name):
            file = Path(hf_hub_download(reference, name, etag_timeout=HUB_TIMEOUT))
            if file.suffix == ".jinja" or _configured(file):
                return True
    return False


def _configured(file: Path) -> bool:
    return bool(file.is_file() and json.loads(file.read_text(encoding="utf-8")).get("chat_template"))
