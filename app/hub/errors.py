"""Failures of publishing, each one sentence that never holds a token."""

from __future__ import annotations

from lamp.errors import LampError


class HubError(LampError):
    """Nothing was published, or not all; the message says why."""


class RepositoryExists(HubError):
    """The repository holds files already: whoever publishes has to say what is to be done."""
