"""What the small Hub answers to those who only read, as huggingface.co does (seen through huggingface_hub 2.4)."""

from __future__ import annotations

import hashlib
import json
import re
from urllib.parse import parse_qs

from tests.hub.connection import Connection, Refusal
from tests.hub.repositories import Account, Commit, Repository, blob_oid, entry, is_large, tree


class ReadingRoutes(Connection):
    """Accounts, repositories and files as readers see them."""

    def account(self) -> Account | None:
        token = self.headers.get("Authorization", "").removeprefix("Bearer ")
        if not token:
            return None
        for account in self.hub.accounts:
            if account.token == token:
                return account
        raise Refusal(401, "Invalid credentials in Authorization header")

    def readable(self, kind: str | None, id: str) -> Repository:
        account = self.account()
        try:
            repository = self.hub.repository(id, kind or "models")
        except KeyError:
            repository = None
        owns = account and repository and repository.namespace in (account.name, *account.organisations)
        if repository is None or (repository.private and not owns):
            if account is None:
                raise Refusal(401, "Invalid username or password.", "RepoNotFound")
            raise Refusal(404, "Repository not found", "RepoNotFound")
        return repository

    def at(self, repository: Repository, revision: str | None) -> Commit:
        commit = repository.at(revision or "main")
        if commit is None:
            raise Refusal(404, f"Invalid rev id: {revision}", "RevisionNotFound")
        return commit

    def models(self) -> None:
        """The models that a search finds, most downloaded first."""
        self.account()

        def asked(name: str) -> str:
            return self.query.get(name, [""])[0]

        infos = [
            repository.info(repository.commits[-1])
            for repository in self.hub.repositories
            if repository.kind == "models" and not repository.private
        ]
        self.json(
            [
                info
                for info in sorted(infos, key=lambda info: -info["downloads"])
                if asked("search").lower() in info["id"].lower()
                and asked("pipeline_tag") in ("", info.get("pipeline_tag"))
                and set(self.query.get("filter", ())) <= set(info["tags"])
            ][: int(asked("limit") or 1000)]
        )

    def info(self, kind: str, id: str, revision: str | None) -> None:
        repository = self.readable(kind, id)
        self.json(repository.info(self.at(repository, revision)))

    def found(self, kind: str) -> None:
        """The public repositories of a kind whose id holds the searched words."""
        words = self.query.get("search", [""])[0].lower()
        found = [
            repository
            for repository in self.hub.repositories
            if repository.kind == kind and not repository.private and words in repository.id.lower()
        ]
        found.sort(key=lambda repository: -repository.downloads)
        wanted = {"_id", "id", *self.query.get("expand", [])}
        self.json(
            [
                {name: value for name, value in repository.info(repository.commits[-1]).items() if name in wanted}
                for repository in found[: int(self.query["limit"][0])]
            ]
        )

    def tree(self, kind: str, id: str, revision: str, path: str | None) -> None:
        commit = self.at(self.readable(kind, id), revision)
        recursive = self.query.get("recursive", ["false"])[0].lower() in ("true", "1")
        self.json(tree(commit.files, path or "", recursive))

    def paths_info(self, kind: str, id: str, revision: str) -> None:
        commit = self.at(self.readable(kind, id), revision)
        paths = json.loads(self.body)["paths"] if self.body[:1] == b"{" else parse_qs(self.body.decode())["paths"]
        self.json([entry(path, commit.files[path]) for path in paths if path in commit.files])

    def resolve(self, kind: str | None, id: str, revision: str, path: str) -> None:
        repository = self.readable(kind, id)
        account = self.account()
        is_card = path == "README.md"  # everybody may read the card of a gated repository
        if repository.gated and not is_card and (account is None or id not in account.granted):
            raise Refusal(
                401 if account is None else 403,
                f"Access to model {id} is restricted. You must have access to it and be authenticated.",
                "GatedRepo",
            )
        commit = self.at(repository, revision)
        head = {"X-Repo-Commit": commit.oid, "Accept-Ranges": "bytes"}
        if path not in commit.files:
            return self.json(
                {"error": "Entry not found"},
                404,
                {**head, "X-Error-Code": "EntryNotFound", "X-Error-Message": "Entry not found"},
            )
        content = commit.files[path]
        if path == self.hub.garble:
            content = content[:-1] + b"?"
        if not is_large(path):
            return self.ranged(content, {**head, "ETag": f'"{blob_oid(content)}"'})
        oid = hashlib.sha256(content).hexdigest()
        self.hub.storage[oid] = content
        self.send(
            b"",
            302,
            {
                **head,
                "Location": f"{self.hub.storage_url}/{oid}",
                "X-Linked-Size": str(len(content)),
                "X-Linked-ETag": f'"{oid}"',
            },
        )

    def stored(self, oid: str) -> None:
        if oid not in self.hub.storage:
            raise Refusal(404, "NoSuchKey")
        self.ranged(self.hub.storage[oid], {"ETag": f'"{oid}"', "Accept-Ranges": "bytes"})

    def ranged(self, content: bytes, headers: dict[str, str]) -> None:
        asked = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range", ""))
        if not asked:
            return self.send(content, 200, headers)
        first, last = int(asked[1]), min(int(asked[2] or len(content) - 1), len(content) - 1)
        if first > last:
            return self.send(b"", 416, {**headers, "Content-Range": f"bytes */{len(content)}"})
        span = {"Content-Range": f"bytes {first}-{last}/{len(content)}"}
        self.send(content[first : last + 1], 206, {**headers, **span})
