"""The way from a terminal to a running studio: who asks, and a call of an endpoint. Every failure is one sentence."""

from __future__ import annotations

import getpass
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

Call = Callable[..., Any]


class Failure(Exception):
    """One sentence for the person at the terminal."""


def connect(url: str, user: str, token: str = "") -> Call:
    """A function that calls an endpoint by its name. Raises Failure.

    token: one of the studio's, "" for none; user: who signs in where there is no token, "" for nobody.
    """
    import httpx
    from gradio_client import Client
    from gradio_client.exceptions import AppError, AuthenticationError

    headers = {"Authorization": f"Bearer {token}"} if token else None
    auth = (user, _password(user)) if user and not token else None
    try:
        client = Client(url, verbose=False, auth=auth, headers=headers)
    except AuthenticationError as error:
        raise Failure(f"The studio at {url} lets nobody in so: {_why(user, token)}.") from error
    except (httpx.HTTPError, ValueError, OSError) as error:
        raise Failure(
            f"No studio answers at {url}: start one with lamp-studio, or give its address with --studio."
        ) from error

    def call(name: str, *values: Any) -> Any:
        try:
            return client.predict(*values, api_name=f"/{name}")
        except AppError as error:
            raise Failure(str(error)) from error
        except (httpx.HTTPError, OSError) as error:
            raise Failure(f"The studio at {url} does not answer any more: look whether it still runs.") from error

    return call


def read_token(file: Path | None) -> str:
    """The token in a file, else that of STUDIO_TOKEN, "" for none. Raises Failure.

    There is no option for a token itself: every user of a machine sees the arguments of its programs.
    """
    try:
        token = (os.environ.get("STUDIO_TOKEN", "") if file is None else file.read_text(encoding="utf-8")).strip()
    except (OSError, ValueError) as error:
        raise Failure(f"The token cannot be read: there is no text file {str(file)!r}.") from error
    if (file is not None and not token) or not token.isascii() or len(token.split()) > 1:
        raise Failure(f"{'STUDIO_TOKEN' if file is None else f'The file {str(file)!r}'} must hold a token alone.")
    return token


def _why(user: str, token: str) -> str:
    if token:
        return "the token is not known there, or it has ended or was revoked; make one on its Access page"
    known = f"{user!r} and this password are not known there" if user else "it asks who you are"
    return f"{known}; give your name with --user, or a token in STUDIO_TOKEN"


def _password(user: str) -> str:
    """The password, which no list of processes shows."""
    return os.environ.get("STUDIO_USER_PASSWORD") or getpass.getpass(f"Password of {user}: ")
