"""The private data set repository on the Hub through which a job and the studio exchange files.

Each side uploads files that belong together in one commit, so that the other side sees all of them or none: a
checkpoint that is half uploaded is never seen. `in/` is written by the studio, `out/` by the job; a file `stop` asks
the job to stop.
"""

from __future__ import annotations

import secrets
from collections.abc import Collection, Mapping
from contextlib import ExitStack
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

from app.jobs.rented.hub_jobs import HubRefused, asked

if TYPE_CHECKING:
    from huggingface_hub import HfApi

_KIND = "dataset"
_STOP = "stop"


class Exchange:
    """The repository of one job. Every method raises HubAway, HubRefused."""

    def __init__(self, api: HfApi, repository: str) -> None:
        self._api, self.repository = api, repository

    @classmethod
    def create(cls, api: HfApi, account: str, run: str) -> Exchange:
        """Creates a repository. Raises HubRefused unless it is private."""
        exchange = cls(api, f"{account}/lamp-run-{run}-{secrets.token_hex(3)}")
        name = exchange.repository
        asked(lambda: api.create_repo(name, repo_type=_KIND, private=True))
        if not asked(lambda: api.repo_info(name, repo_type=_KIND)).private:
            exchange.delete()
            raise HubRefused(f"The Hub made the repository {name} public, so nothing was put into it.")
        return exchange

    def send(self, message: str, files: Mapping[str, Path | bytes], gone: Collection[str] = ()) -> str:
        """Adds and removes files in one commit. Returns its revision."""
        from huggingface_hub import CommitOperationAdd, CommitOperationDelete

        with ExitStack() as stack:
            # Open files, not paths: they go by plain HTTP to any Hub, where a path would want Xet storage.
            operations: list[CommitOperationAdd | CommitOperationDelete] = [
                CommitOperationAdd(
                    path, BytesIO(file) if isinstance(file, bytes) else stack.enter_context(file.open("rb"))
                )
                for path, file in files.items()
            ]
            operations += [CommitOperationDelete(path) for path in gone]
            commit = asked(
                lambda: self._api.create_commit(self.repository, operations, commit_message=message, repo_type=_KIND)
            )
        return str(commit.oid)

    def revision(self) -> str:
        """Returns the newest revision."""
        return str(asked(lambda: self._api.repo_info(self.repository, repo_type=_KIND)).sha)

    def fetch(self, part: str, revision: str, cache: Path) -> Path:
        """Returns the folder of one side, "in" or "out", at a revision; downloads only what the cache does not have."""
        fetched = asked(
            lambda: self._api.snapshot_download(
                self.repository,
                repo_type=_KIND,
                revision=revision,
                allow_patterns=f"{part}/*",
                cache_dir=cache,
            )
        )
        return Path(fetched) / part

    def ask_to_stop(self) -> None:
        """Tells the job that its run should stop."""
        self.send("Stop", {_STOP: b"stop\n"})

    def is_stop_asked(self) -> bool:
        """Returns whether the studio has asked the job to stop."""
        return asked(lambda: self._api.file_exists(self.repository, _STOP, repo_type=_KIND))

    def delete(self) -> None:
        """Deletes the repository with its history."""
        asked(lambda: self._api.delete_repo(self.repository, repo_type=_KIND, missing_ok=True))
