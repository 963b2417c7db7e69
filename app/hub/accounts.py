"""The accounts that a token of the Hub can publish under."""

from __future__ import annotations

from typing import TYPE_CHECKING

from app.hub.client import set_time_limits
from app.hub.errors import HubError
from app.hub.tokens import is_token

if TYPE_CHECKING:
    from huggingface_hub import HfApi


def accounts_of(token: str) -> list[str]:
    """Returns the names of the token's account and of its organisations, in this order.

    Raises HubError; stores nothing.
    """
    token = writing_token(token)
    from huggingface_hub import HfApi

    set_time_limits()
    problem = ""
    try:
        return accounts(HfApi(token=token, library_name="lamp-studio"))
    except HubError:
        raise
    except Exception as error:
        status = getattr(getattr(error, "response", None), "status_code", 0)
        problem = f"The Hub could not tell the token's accounts (it answered {status}): try again in a few minutes."
    # Raised out here, so that no chain of exceptions leads to a request and its headers.
    raise HubError(problem)


def writing_token(token: str) -> str:
    """Returns a token without surrounding blanks. Raises HubError if it is empty or cannot be a token."""
    token = token.strip()
    if not token:
        raise HubError("Give a Hub token that may write: make one at https://huggingface.co/settings/tokens.")
    if not is_token(token):
        raise HubError("That is not a Hub token: it must be one word of letters and digits, such as hf_...")
    return token


def accounts(api: HfApi) -> list[str]:
    """Returns the names of the token's account and of its organisations, in this order.

    Raises HubError for a token that is wrong or may only read, and if the Hub cannot be reached.
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
