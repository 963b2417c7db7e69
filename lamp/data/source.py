"""Where a data set comes from."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class DataSource:
    """A part of a data set on the Hugging Face Hub, at one commit."""

    id: str
    """Such as "stanfordnlp/sst2"."""
    subset: str
    split: str
    revision: str
    """The hash of the commit."""
