"""Errors of publishing, each one sentence that never contains a token."""

from __future__ import annotations

from lamp.errors import LampError


class HubError(LampError):
    """Nothing or not everything was published; the message says why."""


class RepositoryExists(HubError):
    """The repository already contains files: the person has to choose what to do with it."""
