"""The Hub client of this process, with time limits."""

from __future__ import annotations

from functools import lru_cache

CONNECT_SECONDS = 10.0
ANSWER_SECONDS = 30.0
"""How long the Hub may take to accept a connection, and to answer or take the next piece of a file."""


@lru_cache(maxsize=1)
def bound_waiting() -> None:
    """Gives the Hub client of this process time limits; without them it waits for a silent server for ever."""
    import httpx2
    from huggingface_hub import set_client_factory
    from huggingface_hub.utils._http import default_client_factory

    def client() -> httpx2.Client:
        made = default_client_factory()
        made.timeout = httpx2.Timeout(ANSWER_SECONDS, connect=CONNECT_SECONDS)
        return made

    set_client_factory(client)
