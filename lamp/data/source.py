"""The origin of a data set."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class DataSource:
    """A part of a data set on the Hugging Face Hub, at one commit."""

    id: str
    """Its id on the Hub, such as "stanfordnlp/sst2"."""
    subset: str
    split: str
    revision: str
    """The hash of the commit."""

    def __str__(self) -> str:
        return f"{self.id}, subset {self.subset}, split {self.split}, revision {self.revision}"
