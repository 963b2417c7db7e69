"""Reads the files of a prompt that was made elsewhere by their names, within limits; unpacks and runs nothing."""

from __future__ import annotations

import json
import re
import stat
import zipfile
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load
from torch import Tensor

from lamp.errors import DataError

ADAPTER_CONFIG = "adapter_config.json"
MOST_TEXT_BYTES = 1_000_000
MOST_TENSOR_BYTES = 200_000_000
"""Limit on one file of tensors: 2,000 virtual tokens of the widest models take 130 MB in float32."""
_MOST_ENTRIES = 1_000


class PromptFiles:
    """A folder with an adapter in it, or a zip with an adapter at its root or in its only folder."""

    def __init__(self, path: Path) -> None:
        """Raises DataError for a zip that is damaged or has unsafe paths, links or sizes."""
        self._path = path
        try:
            self._archive = None if path.is_dir() else zipfile.ZipFile(path)
        except (OSError, zipfile.BadZipFile, NotImplementedError) as error:
            raise DataError(
                f"{path.name!r} is not a zip that can be read: give the zip of an exported prompt."
            ) from error
        if self._archive is None:
            self.names = {file.name for file in path.iterdir() if file.is_file() and not file.is_symlink()}
            self.names |= {f"voters/{file.name}" for file in path.glob("voters/*") if not file.is_symlink()}
            self._root = ""
        else:
            entries = _checked_entries(self._archive)
            self._root = _root(entries)
            self.names = {name.removeprefix(self._root) for name in entries if name.startswith(self._root)}

    def bytes(self, name: str, most: int) -> bytes:
        """Reads a file that must exist. most: size limit in bytes. Raises DataError."""
        try:
            opened = self._archive.open(self._root + name) if self._archive else (self._path / name).open("rb")
            with opened as file:
                content: bytes = file.read(most + 1)
        # The last two are zipfile's for a packing that this Python lacks and for an encrypted file.
        except (OSError, zipfile.BadZipFile, EOFError, ValueError, NotImplementedError, RuntimeError) as error:
            raise DataError(f"{name} cannot be read: the zip is damaged, or packed in an unusual way.") from error
        if len(content) > most:
            raise DataError(f"{name} is larger than {most / 1e6:.0f} MB: it is not that of a soft prompt.")
        return content

    def text(self, name: str, most: int = MOST_TEXT_BYTES) -> str:
        """Reads a file as text. most: size limit in bytes. Raises DataError."""
        try:
            return self.bytes(name, most).decode("utf-8")
        except UnicodeDecodeError as error:
            raise DataError(f"{name} is not text in UTF-8.") from error

    def json(self, name: str, most: int = MOST_TEXT_BYTES) -> dict[str, Any]:
        """Reads the JSON object in a file. most: size limit in bytes. Raises DataError."""
        try:
            values = json.loads(self.text(name, most), parse_constant=_no_number)
        except (ValueError, RecursionError) as error:
            raise DataError(f"{name} is not valid JSON: get it again.") from error
        if not isinstance(values, dict):
            raise DataError(f"{name} must be a JSON object, not {type(values).__name__}.")
        return values

    def tensors(self, name: str) -> dict[str, Tensor]:
        """Reads the tensors in a safetensors file. Raises DataError."""
        content = self.bytes(name, MOST_TENSOR_BYTES)
        try:
            return load(content)
        except (SafetensorError, ValueError, KeyError, TypeError) as error:
            raise DataError(f"{name} is not a whole safetensors file: get it again.") from error


def _checked_entries(archive: zipfile.ZipFile) -> Mapping[str, zipfile.ZipInfo]:
    """Returns path → entry of all files. Raises DataError for entries that no exported prompt has."""
    infos = archive.infolist()
    if len(infos) > _MOST_ENTRIES:
        raise DataError(f"The zip holds {len(infos):,} files: give the zip of one prompt.")
    entries: dict[str, zipfile.ZipInfo] = {}
    for info in infos:
        # orig_filename: zipfile cuts a name at NUL, and turns the separator of this system into a slash.
        name, mode = info.orig_filename, info.external_attr >> 16
        if "\\" in name or "\0" in name or name.startswith("/") or ".." in PurePosixPath(name).parts or ":" in name[:2]:
            raise DataError(f"The zip holds the path {name[:80]!r}, which leads out of it: do not trust this file.")
        if stat.S_ISLNK(mode):
            raise DataError(f"The zip holds the link {name[:80]!r}: do not trust this file.")
        if info.flag_bits & 1:
            raise DataError("The zip is encrypted: give it without a password.")
        if not info.is_dir():
            if name in entries:
                raise DataError(f"The zip holds {name[:80]!r} twice: do not trust this file.")
            entries[name] = info
    return entries


def _root(names: Mapping[str, object]) -> str:
    """Returns the folder of the adapter, "" or "folder/". Raises DataError if there is none, or more than one."""
    found = sorted((name.removesuffix(ADAPTER_CONFIG) for name in names if _is_description(name)), key=len)
    if not found:
        raise DataError(
            f"The zip holds no {ADAPTER_CONFIG}, so there is no PEFT adapter in it: give the zip of an exported prompt."
        )
    if found[0] and found[1:]:
        raise DataError(f"The zip holds {len(found)} adapters: give one with a single prompt.")
    return found[0]


def _is_description(name: str) -> bool:
    return re.fullmatch(f"(?:[^/]+/)?{re.escape(ADAPTER_CONFIG)}", name) is not None


def _no_number(constant: str) -> float:
    """Refuses NaN and Infinity, which Python's JSON reader accepts and JSON does not have."""
    raise ValueError(constant)
