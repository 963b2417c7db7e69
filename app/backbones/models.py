"""Models: the language models of the Hub and of this machine, as pages look for them, download and remove them."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

from app.backbones.registry import Backbones
from app.backbones.stored import StoredBackbone, StoredBackbones
from app.hub.downloads import Download, Downloads
from app.hub.model_search import FoundModel, search_models
from lamp.errors import BackboneError
from lamp.hub.cached import cached_bytes
from lamp.hub.catalog import is_hub_id


@dataclass(frozen=True)
class Missing:
    """What a download of a backbone has to bring, in bytes."""

    here: int
    """What an earlier download has brought."""
    total: int


class Models:
    """What pages do with language models, a part of `Studio`. Every failure is a BackboneError of one sentence."""

    def __init__(self, backbones: Backbones, stored: StoredBackbones, downloads: Downloads) -> None:
        self._backbones, self._stored, self._downloads = backbones, stored, downloads

    def search(self, text: str) -> list[FoundModel]:
        """Language models of the Hub with `text` in their ids."""
        return search_models(text)

    def missing(self, reference: str) -> Missing | None:
        """What is to be downloaded of a backbone; None if it is on this machine, or if the Hub does not give it."""
        reference = reference.strip()
        try:
            if not is_hub_id(reference) or self._backbones.is_local(reference):
                return None
            total = self._backbones.inspect(reference).stored_bytes
        except BackboneError:
            return None  # the plan says why
        return Missing(min(total, cached_bytes(reference)), total)

    def download(self, reference: str) -> None:
        """Starts a download, or goes on with it."""
        from huggingface_hub import constants

        missing = self.missing(reference)
        if missing is None:
            return
        cache = Path(constants.HF_HUB_CACHE)
        cache.mkdir(parents=True, exist_ok=True)
        free = shutil.disk_usage(cache).free
        if missing.total - missing.here >= free:
            raise BackboneError(
                f"{reference!r} wants {(missing.total - missing.here) / 1e9:.1f} GB more on the disk, and "
                f"{free / 1e9:.1f} GB are free: free some space, or choose a smaller backbone."
            )
        self._downloads.start(reference.strip())

    def cancel_download(self, reference: str) -> None:
        """Ends a download; what has arrived is kept for the next time."""
        self._downloads.cancel(reference.strip())

    def download_of(self, reference: str) -> Download | None:
        """The last download of a backbone since the studio started."""
        return self._downloads.get(reference.strip())

    def stored(self) -> list[StoredBackbone]:
        """The backbones on this machine, largest first."""
        return self._stored.list()

    def remove(self, reference: str) -> int:
        """Removes a downloaded backbone; returns the bytes it took. Raises BackboneError if a run uses it."""
        if self._downloads.is_running(reference):
            raise BackboneError(f"{reference!r} is being downloaded: cancel that first.")
        return self._stored.remove(reference)
