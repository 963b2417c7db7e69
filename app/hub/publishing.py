"""Publishes files on the Hugging Face Hub in one commit; the token is used for this call and never stored."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Literal

from app.hub.accounts import accounts, writing_token
from app.hub.card import OWN_ID
from app.hub.client import ANSWER_SECONDS, set_time_limits
from app.hub.errors import HubError, RepositoryExists

if TYPE_CHECKING:
    from huggingface_hub import HfApi

__all__ = ["HubError", "Published", "RepositoryExists", "publish"]

Existing = Literal["refuse", "update", "pull request"]
"""What to do with a repository that already contains files."""
Kind = Literal["model", "space"]
"""The kind of repository: for a prompt, or for a page that answers with it."""
OnStage = Callable[[str], None]
_UNWRITTEN = {".gitattributes"}
"""Files that the Hub itself adds to a new repository."""


@dataclass(frozen=True)
class Published:
    """The address of a published prompt."""

    url: str
    """Address of the repository, or of the pull request."""
    revision: str
    """Hash of the commit, whose files were read back and compared."""


def publish(
    folder: Path,
    repository: str,
    token: str,
    private: bool = True,
    on_progress: OnStage = lambda _: None,
    *,
    instead: Mapping[str, bytes] = {},
    existing: Existing = "refuse",
    kind: Kind = "model",
) -> Published:
    """Publishes all files of `folder` in the repository "name" or "owner/name" with one commit, and reads them back.

    A missing repository is created, private or public as `private` says; the visibility of an existing one is never
    changed. An interrupted upload continues when this is called again. on_progress: called with one short sentence a
    step; instead: files that are added to those of the folder, or replace them; in a text OWN_ID becomes the
    repository's id. Raises HubError, in one sentence that never contains the token.
    """
    repository, token = repository.strip(), writing_token(token)
    _check_arguments(folder, repository, existing)
    problem = ""
    try:
        return _publish(folder, repository, token, private, on_progress, instead, existing, kind)
    except HubError:
        raise
    except Exception as error:
        problem = _sentence(error, repository).replace(token, "***")
    # Raised out here, so that no chain of exceptions leads to a request and its headers.
    raise HubError(problem)


def _check_arguments(folder: Path, repository: str, existing: str) -> None:
    from huggingface_hub.errors import HFValidationError
    from huggingface_hub.utils import validate_repo_id  # type: ignore[attr-defined]  # public, but not in an __all__

    try:
        validate_repo_id(repository)
    except HFValidationError:
        raise HubError(
            f"The repository name {repository[:100]!r} is not valid: write name or owner/name, "
            "with letters, digits, '-', '_' and '.' only, and at most 96 of them."
        ) from None
    if existing not in ("refuse", "update", "pull request"):
        raise HubError(f"An existing repository can be left (refuse), updated or get a pull request, not {existing!r}.")
    if not folder.is_dir() or not _files(folder):
        raise HubError(f"There is nothing to publish: {folder.name!r} is not a folder with files in it.")


def _files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file() and not path.is_symlink())


def _publish(
    folder: Path,
    repository: str,
    token: str,
    private: bool,
    on_progress: OnStage,
    instead: Mapping[str, bytes],
    existing: Existing,
    kind: Kind,
) -> Published:
    from huggingface_hub import CommitOperationAdd, HfApi

    set_time_limits()
    api = HfApi(token=token, library_name="lamp-studio")
    on_progress("Checking the token")
    owners = accounts(api)
    repository = repository if "/" in repository else f"{owners[0]}/{repository}"
    on_progress(f"Opening the repository {repository}")
    url, as_request = _opened(api, repository, owners, private, existing, kind)
    contents: dict[str, Path | bytes] = {path.relative_to(folder).as_posix(): path for path in _files(folder)}
    contents |= {
        name: file.replace(OWN_ID.encode(), repository.encode()) if name.endswith(".md") else file
        for name, file in instead.items()
    }
    size = sum(len(file) if isinstance(file, bytes) else file.stat().st_size for file in contents.values())
    on_progress(f"Uploading {len(contents)} files ({size / 1e6:.1f} MB)")
    with ExitStack() as stack:
        # Open files, not paths: they go by plain HTTP to any Hub or mirror, where a path would want Xet storage. A
        # prompt is far too small for Xet to gain anything.
        operations = [
            CommitOperationAdd(name, BytesIO(file) if isinstance(file, bytes) else stack.enter_context(file.open("rb")))
            for name, file in contents.items()
        ]
        message = "Publish a prompt tuned with LAMP Studio"
        commit = api.create_commit(repository, operations, commit_message=message, create_pr=as_request, repo_type=kind)
    published = Published(str(commit.pr_url) if as_request and commit.pr_url else url, str(commit.oid))
    on_progress("Reading it back")
    _check_arrived(api, repository, published, contents, kind)
    on_progress(f"Published at {published.url}")
    return published


def _opened(
    api: HfApi, repository: str, owners: Sequence[str], private: bool, existing: Existing, kind: Kind
) -> tuple[str, bool]:
    """Returns the repository's address, creating it if it is missing, and whether to open a pull request.

    Raises RepositoryExists if it contains files and `existing` does not allow that, HubError if it is public by
    mistake.
    """
    from huggingface_hub.errors import RepositoryNotFoundError

    try:
        info = api.repo_info(repository, repo_type=kind, timeout=ANSWER_SECONDS)
    except RepositoryNotFoundError:
        sdk = "gradio" if kind == "space" else None
        return str(api.create_repo(repository, private=private, exist_ok=True, repo_type=kind, space_sdk=sdk)), False
    if private and not info.private:
        is_own = repository.partition("/")[0] in owners
        raise HubError(
            f"The repository {repository!r} is there already and is public"
            + (
                ", but this was to be private: choose another name, or publish it publicly."
                if is_own
                else f", and it belongs to someone else: choose a name that starts with {owners[0]}/."
            )
        )
    written = {file.rfilename for file in getattr(info, "siblings", None) or ()} - _UNWRITTEN
    if written and existing == "refuse":
        raise RepositoryExists(
            f"The repository {repository!r} is there already and holds files ({len(written)}): say that it is to be "
            "updated, or that it gets a pull request, or choose another name."
        )
    place = f"spaces/{repository}" if kind == "space" else repository
    return f"{api.endpoint}/{place}", bool(written) and existing == "pull request"


def _check_arrived(
    api: HfApi, repository: str, published: Published, contents: Mapping[str, Path | bytes], kind: Kind
) -> None:
    """Reads every file of the commit back. Raises HubError unless each has the bytes that were sent."""
    import httpx2

    problem = ""
    with TemporaryDirectory() as folder:
        for name, file in contents.items():
            try:
                there = api.hf_hub_download(
                    repository, name, revision=published.revision, local_dir=folder, repo_type=kind
                )
                same = Path(there).read_bytes() == (file if isinstance(file, bytes) else file.read_bytes())
            except (httpx2.HTTPError, OSError, ValueError, RuntimeError):
                problem = f"but {name!r} could not be read back to check it"
                break
            if not same:
                problem = f"but {name!r} has other bytes there than here"
                break
    if problem:
        raise HubError(f"It was published at {published.url}, {problem}: publish it again.")


def _sentence(error: BaseException, repository: str) -> str:
    """Returns one sentence for an error after the token was accepted."""
    import httpx2
    from huggingface_hub.errors import HfHubHTTPError

    if isinstance(error, RuntimeError) and error.__cause__ is not None:  # how a failed upload of a file arrives
        return _sentence(error.__cause__, repository)
    if isinstance(error, HfHubHTTPError):
        status = error.response.status_code
        reason = " ".join((error.server_message or "").split())[:200]
        if status in (401, 403, 404):
            return (
                f"The token may not write to {repository!r}: it belongs to someone else, or the token lacks write "
                "permission for it; choose a name of your own or another token."
            )
        if status == 429:
            return "The Hub was asked too often: try again in a few minutes."
        if status >= 500:
            return f"The Hub has a problem of its own now (it answered {status}): try again in a few minutes."
        return f"The Hub refused to publish {repository!r} ({status}): {reason or 'it gave no reason'}"
    if isinstance(error, ValueError) and "README.md" in str(error):
        return f"The Hub does not accept the model card: {' '.join(str(error).split())[:300]}"
    if isinstance(error, OSError) and error.filename:
        return f"{Path(str(error.filename)).name!r} could not be read for publishing: {error.strerror}."
    # RuntimeError: a thread that loses its connection closes the client that all of huggingface_hub's threads share.
    if isinstance(error, httpx2.HTTPError | OSError | RuntimeError):
        return (
            f"The connection to the Hub was lost while publishing {repository!r}; files appear there all at once "
            "or not at all: check the connection and publish again."
        )
    return f"Publishing {repository!r} failed in a way that was not foreseen ({type(error).__name__}): try again."
