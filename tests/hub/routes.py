"""The routes of the small Hub, answered as huggingface.co answers them (seen through huggingface_hub 2.4)."""

from __future__ import annotations

import base64
import hashlib
import json
import re

from tests.hub.connection import Refusal
from tests.hub.job_routes import JOB, JobRoutes
from tests.hub.repositories import Repository, entry, is_large

KIND = r"/api/(?P<kind>models|datasets|spaces)/(?P<id>[^/]+(?:/[^/]+?)??)"
RESOLVE = r"/(?:(?P<kind>datasets|spaces)/)?(?P<id>[^/]+(?:/[^/]+)?)/resolve/(?P<revision>[^/]+)/(?P<path>.+)"


class Handler(JobRoutes):
    """What is answered on each route."""

    def do_GET(self) -> None:
        self.answer(
            [
                (r"/api/whoami-v2", self.whoami),
                (r"/api/agent-harnesses", self.agent_harnesses),
                (r"/api/(?P<kind>datasets)", self.found),
                (r"/api/models", self.models),
                (r"/api/jobs/hardware", self.hardware),
                (JOB, self.job),
                (JOB + "/logs", self.job_log),
                (r"/api/jobs/(?P<namespace>[^/]+)", self.list_jobs),
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
                (JOB + "/cancel", self.cancel_job),
                (r"/api/jobs/(?P<namespace>[^/]+)", self.start_job),
                (KIND + r"/preupload/(?P<revision>[^/]+)", self.preupload),
                (KIND + r"/paths-info/(?P<revision>[^/]+)", self.paths_info),
                (KIND + r"/commit/(?P<revision>[^/]+)", self.commit),
                (r"/(?:(?P<kind>datasets|spaces)/)?(?P<id>[^/]+/[^/]+)\.git/info/lfs/objects/batch", self.lfs_batch),
                (r"/lfs-verify", self.lfs_verify),
            ]
        )

    def do_PUT(self) -> None:
        self.answer([(r"/storage/(?P<oid>[0-9a-f]{64})", self.store)])

    def do_DELETE(self) -> None:
        self.answer([(r"/api/repos/delete", self.delete)])

    def delete(self) -> None:
        wanted = json.loads(self.body)
        self.hub.repositories.remove(
            self.writable(f"{wanted.get('type') or 'model'}s", f"{wanted['organization']}/{wanted['name']}")
        )
        self.json({})

    def writable(self, kind: str | None, id: str) -> Repository:
        repository = self.readable(kind, id)
        account = self.account()
        if account is None:
            raise Refusal(401, "Invalid username or password.")
        if account.role != "write":
            raise Refusal(403, "Forbidden: you must use a write token to upload to a repository.")
        proposed = self.query.get("create_pr", [""])[0] == "1"  # anybody may propose files to a public repository
        if not account.may_write_in(repository.namespace) and not proposed:
            raise Refusal(403, "Forbidden: pass `create_pr=1` as a query parameter to create a Pull Request")
        return repository

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
        self.readable(kind, id)  # files of a pull request come here before the request is made
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
        proposed = self.query.get("create_pr", [""])[0] == "1"
        commit = repository.propose(message, changed) if proposed else repository.commit(message, changed)
        number = len(repository.proposals)
        self.json(
            {
                "success": True,
                "commitOid": commit.oid,
                "commitUrl": f"{self.hub.url}/{id}/commit/{commit.oid}",
                "hookOutput": "",
                **({"pullRequestUrl": f"{self.hub.url}/{id}/discussions/{number}"} if proposed else {}),
            }
        )
