"""Explains in one sentence why the Hub did not give access to a repository."""

from __future__ import annotations


def refusal(what: str, reference: str, error: Exception, instead: str) -> str:
    """Returns the sentence for an error raised by huggingface_hub or by the connection to the Hub.

    what: "backbone" or "data set"; reference: the repository's id; instead: an alternative, as the end of "..., or
    <instead>".
    """
    from huggingface_hub.errors import DisabledRepoError, GatedRepoError, HfHubHTTPError, RepositoryNotFoundError

    status = error.response.status_code if isinstance(error, HfHubHTTPError) else 0
    if isinstance(error, GatedRepoError):
        return (
            f"The {what} {reference!r} is gated on the Hub: accept its licence on its page there, "
            "set HF_TOKEN to a token of that account, and start the studio again."
        )
    if isinstance(error, RepositoryNotFoundError):
        return (
            f"The Hub has no {what} {reference!r}: check the spelling; if it is private, "
            "set HF_TOKEN to a token that may read it."
        )
    if isinstance(error, DisabledRepoError):
        return f"The {what} {reference!r} has been disabled on the Hub: choose another one."
    if status in (401, 403):
        return (
            f"The Hub does not let this machine's token look up {reference!r}: "
            "set HF_TOKEN to a valid token that may read it, or unset it."
        )
    if status:
        return (
            f"The Hub could not describe {reference!r} now (it answered {status}): try again in a few minutes, "
            f"or {instead}."
        )
    return f"The Hub could not be reached to look up {reference!r}: check the connection, or {instead}."
