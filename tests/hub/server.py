"""A small Hugging Face Hub on loopback: the routes that huggingface_hub uses, with every byte they carry kept.

    with Hub() as hub:
        hub.accounts.append(Account("ada", "hf_ada"))
        ... run a client in a process of its own with HF_ENDPOINT=hub.url ...
        assert hub.repository("ada/prompt").files["README.md"] == ...

It can be down, slow, or break an upload half way. Large files come from a second host name, as from the Hub's CDN,
so that a token sent to it would be seen. There is no Xet storage here: clients fall back to LFS by HTTP.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from http.server import ThreadingHTTPServer
from pathlib import Path
from typing import Any

from tests.hub.jobs import HubJob
from tests.hub.repositories import Account, Repository


@dataclass(frozen=True)
class Request:
    """One request as it arrived."""

    method: str
    path: str
    """With the query, without the host."""
    headers: dict[str, str]
    """Names in lower case."""
    body: bytes
    status: int


class Hub:
    """The server and what it holds; a context manager that serves on a free port of 127.0.0.1."""

    def __init__(self) -> None:
        self.accounts: list[Account] = []
        self.repositories: list[Repository] = []
        self.storage: dict[str, bytes] = {}
        """Large files by their sha256."""
        self.jobs: list[HubJob] = []
        self.runs_jobs = True
        """Whether a job is run as a process of this machine; if not, the test plays it."""
        self.requests: list[Request] = []
        self.delay = 0.0
        """Seconds that every answer waits."""
        self.busy = False
        """Whether every answer is 503."""
        self.break_upload_after: int | None = None
        """Bytes of a large file after which the connection is cut and the Hub goes down."""
        self.break_download_after: int | None = None
        """Bytes of a large file after which the connection is cut and the Hub goes down."""
        self.bytes_per_second: int | None = None
        """How fast large files are sent."""
        self.break_at_commit = False
        """Whether the connection is cut, unanswered and nothing done, when a commit arrives."""
        self.break_at_job = False
        """Whether the connection is cut, unanswered, once the next job was started."""
        self.garble = ""
        """A file that is sent with other bytes than it has."""
        self.lock = threading.RLock()
        self._server: ThreadingHTTPServer | None = None
        self.port = 0

    @property
    def url(self) -> str:
        """For HF_ENDPOINT."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def storage_url(self) -> str:
        """Where large files are; another origin than `url`."""
        return f"http://localhost:{self.port}/storage"

    def __enter__(self) -> Hub:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> None:
        """Serves, on the port it had before if there was one."""
        from tests.hub.routes import Handler

        handler = type("HubHandler", (Handler,), {"hub": self})
        self._server = _Server(("127.0.0.1", self.port), handler)
        self.port = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def stop(self) -> None:
        """Goes down: connections are refused until `start`."""
        server, self._server = self._server, None
        if server:
            server.shutdown()
            server.server_close()

    def repository(self, id: str, kind: str = "models") -> Repository:
        """The repository, or KeyError."""
        for repository in self.repositories:
            if (repository.kind, repository.id) == (kind, id):
                return repository
        raise KeyError(f"no {kind} {id}")

    def add(self, id: str, files: dict[str, bytes] | Path, kind: str = "models", **about: Any) -> Repository:
        """A repository that has been there already, its files from a dictionary or a folder."""
        if isinstance(files, Path):
            paths = (path for path in files.rglob("*") if path.is_file())
            files = {path.relative_to(files).as_posix(): path.read_bytes() for path in paths}
        repository = Repository(kind, id, **about)
        repository.commit("initial commit", {".gitattributes": b"*.safetensors filter=lfs\n", **files})
        self.repositories.append(repository)
        return repository

    def close_jobs(self) -> None:
        """Ends the processes of all jobs."""
        for job in self.jobs:
            job.end("CANCELED")

    def unknown(self) -> list[Request]:
        """Requests for routes that this Hub does not have; a test that finds any has met a gap in it."""
        return [request for request in self.requests if request.status == 501]


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Clients that hang up are part of the tests."""
