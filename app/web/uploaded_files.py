"""Who has uploaded which file: Gradio takes and gives out a file for whoever names its place."""

from __future__ import annotations

import json
import threading
from collections import OrderedDict
from typing import Any

from app.access.people import Person

_MOST = 20_000
_FILE = "gradio.FileData"
"""Marks the objects of a request that name a file on the server."""


class UploadedFiles:
    """The files that people have uploaded since the start, by the places where Gradio has put them."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._files: OrderedDict[tuple[str, str], None] = OrderedDict()

    def note(self, person: Person, answer: bytes) -> None:
        """Notes the files of an upload. answer: to it, a list of places, or something else where it was refused."""
        try:
            files = json.loads(answer)
        except ValueError:
            return
        with self._lock:
            for file in files if isinstance(files, list) else []:
                self._files[person.name, str(file)] = None
            while len(self._files) > _MOST:
                self._files.popitem(last=False)

    def has(self, person: Person, file: str) -> bool:
        """Whether the person has uploaded the file."""
        return (person.name, file) in self._files

    def foreign(self, person: Person, body: Any) -> str | None:
        """The first file that a JSON body hands in and that the person has not uploaded; None where all are theirs."""
        waiting = [body]
        while waiting:
            value = waiting.pop()
            if isinstance(value, list):
                waiting += value
            elif isinstance(value, dict):
                meta = value.get("meta")
                named = value.get("path")
                if isinstance(meta, dict) and meta.get("_type") == _FILE and not self.has(person, str(named)):
                    return str(named)
                waiting += value.values()
        return None
