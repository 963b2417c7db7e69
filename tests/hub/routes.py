"""The routes of the small Hub, answered as huggingface.co answers them (seen through huggingface_hub 2.4)."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from urllib.parse import parse_qs

from tests.hub.connection import Connection, Refusal
from tests.hub.repositories import Account, Commit, Repository, blob_oid, entry, is_large, tree

KIND = r"/api/(?P<kind>models|datasets|spaces)/(?P<id>[^/]+(?:/[^/]+?)??)"
RESOLVE = r"/(?:(?P<kind>datasets|spaces)/)?(?P<id>[^/]+(?:/[^/]+)?)/resolve/(?P<revision>[^/]+)/(?P<path>.+)"


class Handler(Connection):
    """What is answered on each route."""

    def do_GET(self) -> None:
        self.answer(
            [
                (r"/api/whoami-v2", self.whoami),
                (r"/api/agent-harnesses", self.agent_harnesses),
                (RESOLVE, self.resolve),
                (r"/storage/(?P<oid>[0-9a-f]{64})", self.stored),
                (KIND + r"/tree/(?P<revision>[^/]+)(?:/(?P<path>.+))?", self.tree),
                (KIND + r"(?:/revision/(?P<revision>[^/]+))?", self.info),
            ]
        )

    def do_HEAD(self) -> None:
        self.answer([(RESOLVE, self.resolve), (r"/storage/(?P<oid>[0-9a-f]{64})", self.stored)])

    def do_POST(self) -> None:
        self.answer(
            [
                (r"/api/repos/create", self.create),
                (r"/api/validate-yaml", self.validate_yaml),
                (KIND + r"/preupload/(?P<revision>[^/]+)", self.preupload),
                (KIND + r"/paths-info/(?P<revision>[^/]+)", self.paths_info),
                (KIND + r"/commit/(?P<revision>[^/]+)", self.commit),
                (r"/(?:(?P<kind>datasets|spaces)/)?(?P<id>[^/]+/[^/]+)\.git/info/lfs/objects/batch", self.lfs_batch),
                (r"/lfs-verify", self.lfs_verify),
            ]
        )

    def do_PUT(self) -> None:
        self.answer([(r"/storage/(?P<oid>[0-9a-f]{64})", self.store)])

    # --- who asks, and for what

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

    def writable(self, kind: str | None, id: str) -> Repository:
        repository = self.readable(kind, id)
        account = self.account()
        if account is None:
            raise Refusal(401, "Invalid username or password.")
        if account.role != "write":
            raise Refusal(403, "Forbidden: you must use a write token to upload to a repository.")
        if not account.may_write_in(repository.namespace):
            raise Refusal(403, "Forbidden: pass `create_pr=1` as a query parameter to create a Pull Request")
        return repository

    def at(self, repository: Repository, revision: str | None) -> Commit:
        commit = repository.at(revision or "main")
        if commit is None:
            raise Refusal(404, f"Invalid rev id: {revision}", "RevisionNotFound")
        return commit

    # --- routes

    def whoami(self) -> None:
        account = self.account()
        if account is None:
            raise Refusal(401, "Invalid user token.")
        self.json(
            {
                "type": "user",
                "name": account.name,
                "fullname": account.name,
                "orgs": [{"type": "org", "name": name, "roleInOrg": "write"} for name in account.organisations],
                "auth": {"type": "access_token", "accessToken": {"displayName": "tests", "role": account.role}},
            }
        )

    def agent_harnesses(self) -> None:
        self.json({})  # a list that the client's user agent is made with, once a day

    def create(self) -> None:
        wanted = json.loads(self.body)
        account = self.account()
        if account is None:
            raise Refusal(401, "Invalid username or password.")
        namespace = wanted.get("organization") or account.name
        if not account.may_write_in(namespace):
            raise Refusal(403, f'You don\'t have the rights to create a model under the namespace "{namespace}"')
        kind, id = f"{wanted.get('type') or 'model'}s", f"{namespace}/{wanted['name']}"
        url = f"{self.hub.url}/{'' if kind == 'models' else kind + '/'}{id}"
        if any((known.kind, known.id) == (kind, id) for known in self.hub.repositories):
            raise Refusal(409, "You already created this model repo", url=url)
        self.hub.add(id, {}, kind, private=wanted.get("visibility") == "private")
        self.json({"url": url, "name": id, "id": id})

    def validate_yaml(self) -> None:
        content = json.loads(self.body)["content"]
        front, fence, _ = content.removeprefix("---\n").partition("\n---")
        base = re.search(r'^base_model: "?([^"\n]*)"?$', front, re.MULTILINE)
        if not content.startswith("---\n"):
            self.json({"errors": [], "warnings": [{"message": "empty or missing yaml metadata in repo card"}]})
        elif not fence or "\t" in front:
            self.json({"errors": [{"message": "YAML cannot be parsed"}], "warnings": []}, 400)
        elif base and not re.fullmatch(r"[\w.-]+(/[\w.-]+)?", base[1]):
            self.json(
                {
                    "errors": [
                        {
                            "message": f'"base_model" with value "{base[1]}" is not valid. Use a model id from '
                            "https://hf.co/models."
                        }
                    ],
                    "warnings": [],
                },
                400,
            )
        else:
            self.json({"errors": [], "warnings": []})

    def info(self, kind: str, id: str, revision: str | None) -> None:
        repository = self.readable(kind, id)
        self.json(repository.info(self.at(repository, revision)))

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
        if repository.gated and (account is None or id not in account.granted):
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

    def preupload(self, kind: str, id: str, revision: str) -> None:
        files = self.at(self.writable(kind, id), revision).files
        answers = []
        for file in json.loads(self.body)["files"]:
            path, large = file["path"], is_large(file["path"])
            there = entry(path, files[path]) if path in files else None
            oid = (there["lfs"]["oid"] if large else there["oid"]) if there else None
            answers.append(
                {
                    "path": path,
                    "uploadMode": "lfs" if large else "regular",
                    "shouldIgnore": False,
                    **({"oid": oid} if oid else {}),
                }
            )
        self.json({"files": answers})

    def lfs_batch(self, kind: str | None, id: str) -> None:
        self.writable(kind, id)
        objects = []
        for wanted in json.loads(self.body)["objects"]:
            answer = {"oid": wanted["oid"], "size": wanted["size"]}
            if wanted["oid"] not in self.hub.storage:
                answer["actions"] = {
                    "upload": {"href": f"{self.hub.storage_url}/{wanted['oid']}"},
                    "verify": {"href": f"{self.hub.url}/lfs-verify"},
                }
            objects.append(answer)
        self.json({"transfer": "basic", "objects": objects})

    def store(self, oid: str) -> None:
        if hashlib.sha256(self.body).hexdigest() != oid:
            raise Refusal(400, "XAmzContentSHA256Mismatch")
        self.hub.storage[oid] = self.body
        self.send(b"", 200, {"ETag": f'"{oid}"'})

    def lfs_verify(self) -> None:
        wanted = json.loads(self.body)
        if len(self.hub.storage.get(wanted["oid"], b"")) != wanted["size"]:
            raise Refusal(404, "The uploaded file is not there")
        self.json({})

    def commit(self, kind: str, id: str, revision: str) -> None:
        repository = self.writable(kind, id)
        if self.hub.break_at_commit:
            self.hang_up()
        message, changed = "", dict[str, bytes | None]()
        for line in self.body.splitlines():
            item = json.loads(line)
            value = item["value"]
            if item["key"] == "header":
                message = value["summary"]
            elif item["key"] == "file":
                changed[value["path"]] = base64.b64decode(value["content"])
            elif item["key"] == "lfsFile":
                if value["oid"] not in self.hub.storage:
                    raise Refusal(400, f"LFS pointer pointed to a file that does not exist: {value['path']}")
                changed[value["path"]] = self.hub.storage[value["oid"]]
            elif item["key"] == "deletedFile":
                changed[value["path"]] = None
            else:
                raise Refusal(400, f"The small Hub does not know the operation {item['key']}")
        commit = repository.commit(message, changed)
        self.json(
            {
                "success": True,
                "commitOid": commit.oid,
                "commitUrl": f"{self.hub.url}/{id}/commit/{commit.oid}",
                "hookOutput": "",
            }
        )
