"""What the small Hub holds: accounts, repositories with their commits, and the storage of large files."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from typing import Any

TEXT_SUFFIXES = (".json", ".md", ".txt", ".jinja", ".py", ".gitattributes", ".csv", ".jsonl")


@dataclass(frozen=True)
class Account:
    """Someone with one token, of the role "read" or "write"."""

    name: str
    token: str
    role: str = "write"
    organisations: tuple[str, ...] = ()
    granted: tuple[str, ...] = ()
    """Gated repositories whose licence the account has accepted."""

    def may_write_in(self, namespace: str) -> bool:
        return self.role == "write" and namespace in (self.name, *self.organisations)


@dataclass(frozen=True)
class Commit:
    """One state of a repository, whole."""

    message: str
    files: dict[str, bytes]

    @property
    def oid(self) -> str:
        listing = {path: hashlib.sha1(content).hexdigest() for path, content in self.files.items()}
        return hashlib.sha1(json.dumps([self.message, listing], sort_keys=True).encode()).hexdigest()


@dataclass
class Repository:
    """A repository of one kind ("models", "datasets", "spaces")."""

    kind: str
    id: str
    private: bool = False
    gated: bool = False
    downloads: int = 0
    tags: tuple[str, ...] = ()
    commits: list[Commit] = field(default_factory=list)
    proposals: list[Commit] = field(default_factory=list)
    """Commits of pull requests"""
    listed: dict[str, Any] = field(default_factory=dict)
    """What lists of repositories tell beside `info`, such as its safetensors' parameters."""

    @property
    def files(self) -> dict[str, bytes]:
        """Path → content at the head of main."""
        return self.commits[-1].files

    @property
    def namespace(self) -> str:
        return self.id.partition("/")[0]

    def at(self, revision: str) -> Commit | None:
        if revision in ("main", "HEAD"):
            return self.commits[-1]
        return next((commit for commit in (*self.commits, *self.proposals) if commit.oid == revision), None)

    def commit(self, message: str, changed: dict[str, bytes | None]) -> Commit:
        """Adds one commit; a path with None is deleted."""
        self.commits.append(self._next(message, changed))
        return self.commits[-1]

    def propose(self, message: str, changed: dict[str, bytes | None]) -> Commit:
        """Opens a pull request of one commit."""
        self.proposals.append(self._next(message, changed))
        return self.proposals[-1]

    def _next(self, message: str, changed: dict[str, bytes | None]) -> Commit:
        files = {**(self.files if self.commits else {}), **changed}
        return Commit(message, {path: content for path, content in files.items() if content is not None})

    def info(self, commit: Commit) -> dict[str, Any]:
        """What the Hub tells of a repository: /api/models/org/name."""
        return {
            "_id": hashlib.sha1(self.id.encode()).hexdigest()[:24],
            "id": self.id,
            "modelId": self.id,
            "author": self.namespace,
            "sha": commit.oid,
            "private": self.private,
            "gated": "auto" if self.gated else False,
            "disabled": False,
            "downloads": self.downloads,
            "likes": 0,
            "tags": list(self.tags),
            "mainSize": sum(map(len, commit.files.values())),
            "lastModified": "2025-01-01T00:00:00.000Z",
            "createdAt": "2025-01-01T00:00:00.000Z",
            "cardData": _card(commit.files.get("README.md", b"")),
            "siblings": [{"rfilename": path, "size": len(commit.files[path])} for path in sorted(commit.files)],
            **self.listed,
        }


def _card(readme: bytes) -> dict[str, Any]:
    """The front matter; empty where there is none."""
    from huggingface_hub import RepoCard

    text = readme.decode()
    return dict(RepoCard(text, ignore_metadata_errors=True).data.to_dict()) if text.startswith("---\n") else {}


def is_large(path: str) -> bool:
    """Whether the Hub keeps this file in LFS: everything that does not look like text."""
    return not path.endswith(TEXT_SUFFIXES)


def blob_oid(content: bytes) -> str:
    """git's name for a file's content."""
    return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()


def entry(path: str, content: bytes) -> dict[str, Any]:
    """One line of a tree listing."""
    entry: dict[str, Any] = {"type": "file", "path": path, "size": len(content), "oid": blob_oid(content)}
    if is_large(path):
        entry["lfs"] = {"oid": hashlib.sha256(content).hexdigest(), "size": len(content), "pointerSize": 134}
    return entry


def tree(files: dict[str, bytes], folder: str, recursive: bool) -> list[dict[str, Any]]:
    """Entries below `folder` ("" is the root), folders included, as /api/models/.../tree lists them."""
    prefix = f"{folder}/" if folder else ""
    inside = {path: content for path, content in sorted(files.items()) if path.startswith(prefix)}
    folders = {
        prefix + "/".join(parts[: depth + 1])
        for parts in (path[len(prefix) :].split("/")[:-1] for path in inside)
        for depth in range(len(parts))
    }
    entries: list[dict[str, Any]] = [
        {"type": "directory", "path": path, "size": 0, "oid": blob_oid(path.encode())} for path in folders
    ]
    entries += [entry(path, content) for path, content in inside.items()]
    return [entry for entry in entries if recursive or "/" not in entry["path"][len(prefix) :]]
