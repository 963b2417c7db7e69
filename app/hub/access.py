"""Access to data sets of the Hub: one block in which the datasets library reads, and one sentence for its errors."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from app.hub.client import set_time_limits
from lamp.errors import DataError, first_line
from lamp.hub.refusals import refusal
from lamp.hub.timeouts import HUB_TIMEOUT
from storage.errors import StorageError


class NeedsToken(DataError):
    """The Hub lets only some accounts read the data set: a token of one of them helps."""


@contextmanager
def reading(id: str, revision: str = "main", token: str = "") -> Iterator[tuple[Any, dict[str, Any]]]:
    """Yields the datasets library, and its arguments "revision", the commit that `revision` names, and "token".

    token: used within the block and kept nowhere; "" is the token of this machine, if it has one. Any error of the
    library or of the Hub is raised as one DataError that never holds the token; the caller's own DataError and
    StorageError pass.
    """
    import datasets  # not at the top of the file: it takes more than a second, and few pages need it
    from huggingface_hub import HfApi, HfFileSystem

    token = token.strip()
    if token and (not (token.isascii() and token.isprintable()) or " " in token):
        raise NeedsToken("That is not a Hub token: it must be one word of letters and digits, such as hf_...")
    set_time_limits()
    datasets.disable_progress_bars()
    datasets.logging.set_verbosity_error()
    datasets.config.TORCH_AVAILABLE = False  # a stream would load torch into the server, only to count its epochs
    problem: DataError | None = None
    try:
        # First of all: where the Hub is silent, datasets asks again and again.
        info = HfApi().dataset_info(id, revision=revision, timeout=HUB_TIMEOUT, token=token or None)
        yield datasets, {"revision": str(info.sha), "token": token or None}
    except (DataError, StorageError):
        raise
    except Exception as error:  # datasets, and what it reads with, raise errors of many kinds
        problem = _problem(id, revision, error, bool(token))
    finally:
        if token:
            HfFileSystem.clear_instance_cache()  # it keeps open file systems with their tokens
    if problem is not None:
        # None: the chain of exceptions may lead to a request and its headers.
        raise type(problem)(str(problem).replace(token, "***") if token else str(problem)) from None


def _problem(id: str, revision: str, error: Exception, token_given: bool) -> DataError:
    """Returns one sentence for an error of the datasets library or of the Hub."""
    from datasets.exceptions import DatasetNotFoundError
    from httpx2 import HTTPError
    from huggingface_hub.errors import (
        GatedRepoError,
        HfHubHTTPError,
        OfflineModeIsEnabled,
        RepositoryNotFoundError,
        RevisionNotFoundError,
    )

    # DatasetNotFoundError: the Hub has described the data set, so it exists, but access to its files is refused.
    if isinstance(error, GatedRepoError | DatasetNotFoundError):
        return NeedsToken(
            f"The data set {id!r} is gated on the Hub, and the account of this token has not been let in: accept "
            "the terms on its page there, or give a token of another account."
            if token_given
            else f"The data set {id!r} is gated on the Hub: accept its terms on its page there, then give a token of "
            "that account, or set HF_TOKEN and start the studio again."
        )
    if isinstance(error, RepositoryNotFoundError):
        return NeedsToken(
            f"The Hub has no data set {id!r} that this token may read: check the spelling, or give another token."
            if token_given
            else f"The Hub has no data set {id!r}: check the spelling; if it is private, give a token that may read "
            "it, or set HF_TOKEN."
        )
    if isinstance(error, RevisionNotFoundError):
        return DataError(
            f"The data set {id!r} has no revision {revision[:80]!r}: write a branch, a tag or the hash of a commit, "
            "such as main."
        )
    if isinstance(error, HfHubHTTPError) and error.response.status_code in (401, 403):
        sentence = "The Hub does not know this token: copy it again, or make a new one that may read."
        return NeedsToken(sentence if token_given else refusal("data set", id, error, "add the table as a file"))
    if isinstance(error, FileNotFoundError):
        return DataError(
            f"The data set {id!r} holds no table that can be read: choose one in Parquet, CSV, JSON or plain text."
        )
    if isinstance(error, ConnectionError | HTTPError | OfflineModeIsEnabled):
        return DataError(refusal("data set", id, error, "add the table as a file"))
    reason = first_line(error)[:200].rstrip(".")
    return DataError(
        f"The data set {id!r} cannot be read ({reason}): choose another part of it, or add the table as a file."
    )
