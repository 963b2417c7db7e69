"""Finds the licence of a backbone, so that a prompt for it can be published under the same one."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from app.hub.client import set_time_limits
from lamp.hub.catalog import is_hub_id
from lamp.hub.timeouts import HUB_TIMEOUT

if TYPE_CHECKING:
    from huggingface_hub import CardData

COMMON = (
    *("apache-2.0", "mit", "bsd-3-clause", "cc0-1.0", "cc-by-4.0", "cc-by-sa-4.0", "cc-by-nc-4.0", "openrail"),
    *("gemma", "llama2", "llama3", "llama3.1", "llama3.2", "llama3.3", "other"),
)
"""Licences to choose from, by the Hub's names for them."""
_KEYS = ("license", "license_name", "license_link")


def licence_of(backbone: str, folder: Path | None) -> dict[str, str]:
    """Returns a backbone's licence from its model card, as keys of a card; empty if it names none.

    folder: of the backbone on this machine, if there is one; its card is read first, then that of the Hub.
    """
    if folder is not None and (card := folder / "README.md").is_file():
        return _of_text(card)
    return _of_hub(backbone) if is_hub_id(backbone) else {}


def _of_text(card: Path) -> dict[str, str]:
    from huggingface_hub import RepoCard

    try:
        text = card.read_text(encoding="utf-8")[:1_000_000]
        return _known(RepoCard(text, ignore_metadata_errors=True).data)
    except Exception:  # of the file, of YAML: a card that cannot be read names no licence
        return {}


def _of_hub(backbone: str) -> dict[str, str]:
    import httpx2
    from huggingface_hub import HfApi

    set_time_limits()
    try:
        card = HfApi().model_info(backbone, timeout=HUB_TIMEOUT).card_data
    except (httpx2.HTTPError, httpx2.InvalidURL, OSError, ValueError, RuntimeError):
        return {}
    return _known(card) if card is not None else {}


def _known(card: CardData) -> dict[str, str]:
    values = {key: card.get(key) for key in _KEYS}
    if isinstance(values["license"], list) and len(values["license"]) == 1:
        values["license"] = values["license"][0]
    if not isinstance(values["license"], str):
        return {}
    return {key: value for key, value in values.items() if isinstance(value, str) and 0 < len(value) <= 200}
