"""Lays a backbone into a cache as huggingface_hub keeps it."""

from __future__ import annotations

import hashlib
from pathlib import Path


def cache_backbone(cache: Path, reference: str, folder: Path) -> Path:
    """Puts the files of `folder` into the cache under a Hub id; returns the folder of the snapshot."""
    commit = hashlib.sha1(reference.encode()).hexdigest()
    repository = cache / f"models--{reference.replace('/', '--')}"
    blobs, snapshot = repository / "blobs", repository / "snapshots" / commit
    for made in (blobs, snapshot, repository / "refs"):
        made.mkdir(parents=True)
    (repository / "refs/main").write_text(commit)
    for file in folder.iterdir():
        blob = blobs / hashlib.sha256(file.name.encode()).hexdigest()
        blob.write_bytes(file.read_bytes())
        (snapshot / file.name).symlink_to(blob)
    return snapshot
