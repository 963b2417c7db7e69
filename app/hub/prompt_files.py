"""Downloads the few files of a prompt on the Hub into a folder, within limits; reads none of them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from app.hub.client import set_time_limits
from app.hub.tokens import checked_token
from lamp.errors import DataError
from lamp.export.imported import without_safetensors
from lamp.hub.catalog import is_hub_id
from lamp.hub.refusals import refusal
from lamp.hub.timeouts import HUB_TIMEOUT

_WANTED = re.compile(
    r"adapter_config\.json|adapter_model\.safetensors|lamp_config\.json|lamp_factors\.safetensors|recipe\.json"
    r"|scores\.json|confusion\.json|README\.md|voters/[2-9]\.safetensors",
    re.ASCII,
)
_MOST_BYTES = 200_000_000
"""Size limit of one file."""
_MOST_RECIPE_BYTES = 200_000


@dataclass(frozen=True)
class HubPrompt:
    """The prompt that was downloaded."""

    id: str
    revision: str
    """The hash of the commit."""


def plain_id(text: str) -> str:
    """Reads a Hub id from an id or the address of a prompt's page. Raises DataError."""
    id = text.strip().removeprefix("https://huggingface.co/").partition("?")[0].strip("/")
    id = "/".join(id.split("/")[:2])
    if not is_hub_id(id):
        raise DataError(f"{text[:80]!r} is no Hub id: write owner/name, as the page of the prompt shows it.")
    return id


def fetch_prompt(
    id: str,
    revision: str,
    token: str,
    folder: Path,
    on_progress: Callable[[str], None] = lambda _: None,
) -> HubPrompt:
    """Downloads the files of a prompt into an empty folder.

    Raises DataError in one sentence that never contains the token. revision: a branch, a tag or a commit; token: of an
    account that may read it, "" for this machine's, used for this call only.
    """
    token = checked_token(token)
    problem = ""
    try:
        return _fetch(id, revision, token, folder, on_progress)
    except DataError:
        raise
    except Exception as error:  # of httpx2, of huggingface_hub, of the disk
        problem = _sentence(id, revision, error, bool(token))
    # Raised out here, so that no chain of exceptions leads to a request and its headers.
    raise DataError(problem.replace(token, "***") if token else problem)


def fetch_recipe(id: str, revision: str, folder: Path) -> Path:
    """Downloads the recipe.json of a public prompt into an empty folder; returns its path. Raises DataError.

    It is requested through an address of the studio's pages, which anybody can make: so no token is sent.
    """
    from huggingface_hub import HfApi

    set_time_limits()
    try:
        api = HfApi(token=False, library_name="lamp-studio")
        model = api.model_info(id, revision=revision, files_metadata=True, timeout=HUB_TIMEOUT)
        size = next((file.size or 0 for file in model.siblings or () if file.rfilename == "recipe.json"), None)
        if size is not None and size <= _MOST_RECIPE_BYTES:
            sha = str(model.sha)
            return Path(api.hf_hub_download(id, "recipe.json", revision=sha, local_dir=folder))
    except Exception as error:  # of httpx2, of huggingface_hub, of the disk
        raise DataError(_sentence(id, revision, error, False)) from None
    why = "has no recipe.json" if size is None else "has a recipe.json that is too large for one"
    raise DataError(f"The prompt {id!r} {why}: open one that LAMP Studio has published.")


def _fetch(id: str, revision: str, token: str, folder: Path, on_progress: Callable[[str], None]) -> HubPrompt:
    from huggingface_hub import HfApi

    set_time_limits()
    api = HfApi(token=token or None, library_name="lamp-studio")
    on_progress(f"Looking up {id}")
    model = api.model_info(id, revision=revision, files_metadata=True, timeout=HUB_TIMEOUT)
    sizes = {file.rfilename: file.size or 0 for file in model.siblings or ()}
    files = sorted(filter(_WANTED.fullmatch, sizes))
    _check(id, sizes, files)
    found = HubPrompt(id, str(model.sha))
    for number, name in enumerate(files, start=1):
        on_progress(f"Fetching {name} ({number} of {len(files)})")
        api.hf_hub_download(id, name, revision=found.revision, local_dir=folder, etag_timeout=HUB_TIMEOUT)
    return found


def _check(id: str, sizes: Mapping[str, int], files: Iterable[str]) -> None:
    """Raises DataError for a repository without a prompt that can be read here. sizes: path → bytes."""
    if "adapter_config.json" not in sizes:
        raise DataError(f"{id!r} holds no adapter_config.json, so it is no PEFT adapter: give the id of a soft prompt.")
    if "adapter_model.safetensors" not in sizes:
        raise DataError(without_safetensors(sizes))
    for name in files:
        if sizes[name] > _MOST_BYTES:
            raise DataError(
                f"{name} of {id!r} has {sizes[name] / 1e6:,.0f} MB, far more than a soft prompt: choose another one."
            )


def _sentence(id: str, revision: str, error: Exception, token_given: bool) -> str:
    from huggingface_hub.errors import HfHubHTTPError, RepositoryNotFoundError, RevisionNotFoundError

    if isinstance(error, RevisionNotFoundError):
        return f"{id!r} has no revision {revision[:80]!r}: write a branch, a tag or the hash of a commit, such as main."
    status = error.response.status_code if isinstance(error, HfHubHTTPError) else 0
    if token_given and status in (401, 403, 404):
        missing = isinstance(error, RepositoryNotFoundError)
        return (
            f"The Hub has no prompt {id!r} that this token may read: check the spelling, or give another token."
            if missing
            else f"The Hub does not let this token read {id!r}: copy it again, or give another one."
        )
    return refusal("prompt", id, error, "give the prompt as a zip")
