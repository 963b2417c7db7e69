"""Time limits for this process's connections to the Hub."""

from __future__ import annotations

from functools import cache

CONNECT_SECONDS = 10.0
"""Time for the Hub to accept a connection."""
ANSWER_SECONDS = 30.0
"""Time for the Hub to answer, or to take the next piece of a file."""


@cache
def set_time_limits() -> None:
    """Sets time limits for huggingface_hub's connections; without them it would wait for a silent server for ever."""
    import httpx2
    from huggingface_hub import set_client_factory
    from huggingface_hub.utils._http import default_client_factory

    def client_with_limits() -> httpx2.Client:
        client = default_client_factory()
        client.timeout = httpx2.Timeout(ANSWER_SECONDS, connect=CONNECT_SECONDS)
        return client

    set_client_factory(client_with_limits)
