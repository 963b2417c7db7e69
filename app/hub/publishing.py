"""Publishes a folder on the Hugging Face Hub in one commit; the token is used for this call and never stored."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from app.hub.client import ANSWER_SECONDS, bound_waiting
from lamp.errors import LampError

if TYPE_CHECKING:
    from huggingface_hub import HfApi


class HubError(LampError):
    """Nothing was published; the message says why."""


def publish(
    folder: Path,
    repository: str,
    token: str,
    private: bool = True,
    on_progress: Callable[[str], None] = lambda _: None,
) -> str:
    """Puts all files of `folder` into the model repository "name" or "owner/name" with one commit; returns its URL.

    A missing repository is created, private or public as `private` says; the visibility of an existing one is never
    changed. on_progress: called with one short sentence a step. Raises HubError, in one sentence that never holds the
    token.
    """
    repository, token = repository.strip(), token.strip()
    _check_arguments(folder, repository, token)
    problem = ""
    try:
        return _publish(folder, repository, token, private, on_progress)
    except HubError:
        raise
    except Exception as error:
        problem = _sentence(error, repository).replace(token, "***")
    # Raised out here, so that no chain of exceptions leads to a request and its headers.
    raise HubError(problem)


def _check_arguments(folder: Path, repository: str, token: str) -> None:
    from huggingface_hub.errors import HFValidationError
    from huggingface_hub.utils import validate_repo_id  # type: ignore[attr-defined]  # public, but not in an __all__

    if not token:
        raise HubError("Give a Hub token that may write: make one at https://huggingface.co/settings/tokens.")
    if not (token.isascii() and token.isprintable()) or " " in token:
        raise HubError("That is not a Hub token: it must be one word of letters and digits, such as hf_...")
    try:
        validate_repo_id(repository)
    except HFValidationError:
        raise HubError(
            f"The repository name {repository[:100]!r} is not valid: write name or owner/name, "
            "with letters, digits, '-', '_' and '.' only, and at most 96 of them."
        ) from None
    if not folder.is_dir() or not _files(folder):
        raise HubError(f"There is nothing to publish: {folder.name!r} is not a folder with files in it.")


def _files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file() and not path.is_symlink())


def _publish(folder: Path, repository: str, token: str, private: bool, on_progress: Callable[[str], None]) -> str:
    from huggingface_hub import CommitOperationAdd, HfApi

    bound_waiting()
    api = HfApi(token=token, library_name="lamp-studio")
    on_progress("Checking the token")
    owners = _accounts(api)
    repository = repository if "/" in repository else f"{owners[0]}/{repository}"
    on_progress(f"Opening the repository {repository}")
    url = str(api.create_repo(repository, private=private, exist_ok=True))
    if private and not api.model_info(repository, timeout=ANSWER_SECONDS).private:
        is_own = repository.partition("/")[0] in owners
        raise HubError(
            f"The repository {repository!r} is there already and is public"
            + (
                ", but this was to be private: choose another name, or publish it publicly."
                if is_own
                else f", and it belongs to someone else: choose a name that starts with {owners[0]}/."
            )
        )
    files = _files(folder)
    on_progress(f"Uploading {len(files)} files ({sum(path.stat().st_size for path in files) / 1e6:.1f} MB)")
    with ExitStack() as stack:
        # Open files, not paths: they go by plain HTTP to any Hub or mirror, where a path would want Xet storage. A
        # prompt is far too small for Xet to gain anything.
        operations = [
            CommitOperationAdd(path.relative_to(folder).as_posix(), stack.enter_context(path.open("rb")))
            for path in files
        ]
        api.create_commit(repository, operations, commit_message="Publish a prompt tuned with LAMP Studio")
    on_progress(f"Published at {url}")
    return url


def _accounts(api: HfApi) -> list[str]:
    """Names of the token's account and of its organisations, in this order.

    Raises HubError for a token that is wrong or may only read, and when the Hub cannot be reached.
    """
    import httpx2
    from huggingface_hub.errors import HfHubHTTPError

    problem = ""
    try:
        account = api.whoami()
    except HfHubHTTPError as error:
        if error.response.status_code not in (401, 403):
            raise
        problem = "The Hub does not know this token: copy it again, or make a new one that may write."
    except (httpx2.HTTPError, httpx2.InvalidURL, OSError, ValueError, RuntimeError):
        problem = "The Hub could not be reached: check the connection of the machine that runs the studio."
    if problem:
        raise HubError(problem)
    if account.get("auth", {}).get("accessToken", {}).get("role") == "read":
        raise HubError("This token may only read: make one that may write at https://huggingface.co/settings/tokens.")
    return [str(account["name"]), *(str(organisation["name"]) for organisation in account.get("orgs", ()))]


def _sentence(error: BaseException, repository: str) -> str:
    """One sentence for an error after the token was accepted."""
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
