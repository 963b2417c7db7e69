"""The backbones on this machine: what they take, when they were used last, and their removal."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from app.settings import Settings
from lamp.errors import BackboneError
from lamp.hub.cached import cached_bytes, cached_folder
from lamp.hub.offline import REFERENCE, folder_name
from storage.files import tree_bytes
from storage.jobs import JobState, JobStore

_UNFINISHED = tuple(state for state in JobState if not state.finished)


@dataclass(frozen=True)
class StoredBackbone:
    """A backbone whose files are on this machine."""

    reference: str
    """Its Hub id, or the name of its folder."""
    bytes: int
    last_used: datetime
    is_whole: bool
    why_kept: str = ""
    """Why it cannot be removed here, as a sentence; empty when it can."""


class StoredBackbones:
    """The Hub's cache and the copies in the home folder; folders elsewhere belong to whoever made them."""

    def __init__(self, settings: Settings, store: JobStore, removable: bool = True) -> None:
        """store: with everybody's runs, which keep their backbones; removable: whether who asks may remove one."""
        self._removable = removable
        self._copies, self._on_space, self._store = settings.home / "backbones", settings.on_space, store

    def list(self) -> list[StoredBackbone]:
        """Every backbone that a run could use or that was downloaded in part, largest first."""
        stored = [self._cached(repository) for repository in _cached_repositories()]
        if self._copies.is_dir():
            stored += [_copy(folder) for folder in self._copies.iterdir() if (folder / "config.json").is_file()]
        return sorted((backbone for backbone in stored if backbone), key=lambda backbone: -backbone.bytes)

    def remove(self, reference: str) -> int:
        """Removes a backbone from the Hub's cache; returns the bytes it took. Raises BackboneError if it must stay."""
        from huggingface_hub import constants, scan_cache_dir

        repository = next((one for one in _cached_repositories() if one.repo_id == reference), None)
        backbone = repository and self._cached(repository)
        if repository is None or backbone is None:
            raise BackboneError(f"{reference!r} is not among the downloaded backbones: open the list again.")
        if backbone.why_kept:
            raise BackboneError(f"{reference!r} was not removed: {backbone.why_kept}")
        revisions = [revision.commit_hash for revision in repository.revisions]
        scan_cache_dir(constants.HF_HUB_CACHE).delete_revisions(*revisions).execute()
        return backbone.bytes

    def _cached(self, repository: Any) -> StoredBackbone | None:
        """What is said of a repository in the cache; None for one that is no concern of the studio."""
        reference = repository.repo_id
        is_whole = cached_folder(reference) is not None
        if not is_whole and not any((repository.repo_path / "blobs").glob("*.part")):
            return None
        unfinished = self._store.list(1000, states=_UNFINISHED, comparisons=True)
        used_by = [job.name for job in unfinished if job.backbone.strip() == reference]
        why_kept = f"The run {used_by[0]!r} uses it: stop that run, or wait until it has ended." if used_by else ""
        if not self._removable:
            why_kept = "Only an admin of this studio removes models: they are everybody's."
        if self._on_space:
            why_kept = "Models cannot be removed from a public studio."
        last_used = datetime.fromtimestamp(repository.last_accessed, UTC)
        return StoredBackbone(reference, cached_bytes(reference), last_used, is_whole, why_kept)


def _cached_repositories() -> list[Any]:
    """The models in the Hub's cache, as huggingface_hub describes them."""
    from huggingface_hub import constants, scan_cache_dir
    from huggingface_hub.errors import CacheNotFound

    try:
        repositories = scan_cache_dir(constants.HF_HUB_CACHE).repos
        return [repository for repository in repositories if repository.repo_type == "model"]
    except CacheNotFound:
        return []


def _copy(folder: Path) -> StoredBackbone:
    """What is said of a copy in the home folder."""
    why_kept = "It is a folder that was put into the studio's home: only its owner removes it."
    reference = folder.name.replace("--", "/", 1)
    if folder.name == folder_name(REFERENCE):
        why_kept = f"It comes with the studio; if it is lost, python -m lamp.hub.offline {folder} writes it again."
    used = max(file.stat().st_atime for file in folder.iterdir() if file.is_file())
    return StoredBackbone(reference, tree_bytes(folder), datetime.fromtimestamp(used, UTC), True, why_kept)
