"""Finds backbones in huggingface_hub's cache on this machine, without asking the Hub."""

from __future__ import annotations

import re
from pathlib import Path

from lamp.errors import BackboneError
from lamp.hub.catalog import inspect, is_hub_id


def cached_folder(reference: str) -> Path | None:
    """Returns the folder of a complete and usable backbone with this Hub id in the cache; None if there is none."""
    from huggingface_hub import try_to_load_from_cache

    if not is_hub_id(reference):
        return None
    config = try_to_load_from_cache(reference, "config.json")
    if not isinstance(config, str):
        return None
    folder = Path(config).parent
    try:
        inspect(str(folder))
    except BackboneError:
        return None
    return folder


def commit_of(source: str) -> str:
    """Returns the Hub commit of the files that a backbone is loaded from; "" for any other folder.

    source: a Hub id that is cached here, or a folder.
    """
    from huggingface_hub import try_to_load_from_cache

    folder = Path(source)
    if is_hub_id(source) and not folder.is_dir():
        config = try_to_load_from_cache(source, "config.json")
        if not isinstance(config, str):
            return ""
        folder = Path(config).parent
    in_cache = folder.parent.name == "snapshots" and re.fullmatch(r"[0-9a-f]{40}", folder.name)
    return folder.name if in_cache else ""


def cached_bytes(reference: str) -> int:
    """Returns the bytes of this Hub id in the cache, including files that are not complete yet."""
    from huggingface_hub import constants
    from huggingface_hub.file_download import repo_folder_name

    blobs = Path(constants.HF_HUB_CACHE) / repo_folder_name(repo_id=reference, repo_type="model") / "blobs"
    try:
        return sum(blob.stat().st_size for blob in blobs.iterdir())
    except OSError:  # nothing is cached, or a file has just been finished under another name
        return 0
