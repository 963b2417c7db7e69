"""Files in a store that every machine reaches, such as a bucket of S3: each is there whole or not at all.

A group is what belongs together ("runs/<id>", "uploads/<sha256>"), an item a file or a folder in it. What an item
contains is one object, a folder packed as one zip, at `<group>/<item>/<version>`. No object is ever written again: a
new content is a new version, whose name ends with the SHA-256 of the object. So a reader gets the former content or
the new one, and knows whether it is the right one.
"""

from __future__ import annotations

import hashlib
import logging
import re
import secrets
import shutil
import zipfile
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

from storage.errors import StorageError, StoreUnavailable, first_line
from storage.files import STAGED, remove, whole

_log = logging.getLogger(__name__)
_T = TypeVar("_T")
_VERSION = re.compile(r"(\d{6})-(\d{6})-([0-9a-f]{64})(|\.zip)")
_S3_OPTIONS = {"config_kwargs": {"connect_timeout": 5, "read_timeout": 30, "retries": {"max_attempts": 2}}}
"""Pages wait for the store: s3fs itself would wait for minutes."""


class Gone(StorageError):
    """An object was removed after its name was read: a newer version has taken its place."""


class Damaged(StorageError):
    """An object is not what its name says."""


@dataclass(frozen=True, order=True)
class Version:
    """One content of an item; of several the greatest one is valid."""

    attempt: int
    """Of the run at which it was written, so that a worker that was given up never hides what its successor writes."""
    number: int
    digest: str
    """SHA-256 of the object."""
    is_folder: bool

    def __str__(self) -> str:
        return f"{self.attempt:06d}-{self.number:06d}-{self.digest}{'.zip' if self.is_folder else ''}"


Versions = Mapping[str, Sequence[Version]]
"""Item → its versions, the valid one last."""


def address_problem(address: str) -> str:
    """Why an address cannot be used as a store; "" when nothing speaks against it before it is asked."""
    import fsspec

    if "://" not in address:
        return f"must be an address such as s3://bucket/prefix or file:///mnt/shared, not {address!r}"
    if "@" in urlsplit(address).netloc or "?" in address:
        return "must be an address alone: the keys are read from variables such as AWS_ACCESS_KEY_ID"
    protocol = address.partition("://")[0]
    try:
        fsspec.get_filesystem_class(protocol)
    except ValueError:
        return f"must begin with a protocol that fsspec knows, such as s3, not {protocol!r}"
    except ImportError as error:
        return f"is {address!r}, and a package for it is missing ({first_line(error)}): see requirements-s3.txt"
    return ""


class ObjectStore:
    """The objects below one fsspec address. Every method raises StoreUnavailable when the store does not answer."""

    def __init__(self, address: str) -> None:
        """address: such as s3://bucket/prefix; the keys come from the environment, as fsspec reads them."""
        from fsspec.core import url_to_fs

        self.address = address.rstrip("/")
        options: dict[str, Any] = {"use_listings_cache": False}
        is_s3 = address.startswith(("s3://", "s3a://"))
        if is_s3:
            options |= _S3_OPTIONS
        elif address.startswith(("file://", "local://")):
            options |= {"auto_mkdir": True}
        self._fs, root = url_to_fs(self.address, **options)
        if is_s3:
            self._fs.retries = 1  # s3fs's own, each of which repeats all those of _S3_OPTIONS
        self._root = root.rstrip("/")

    def check(self) -> None:
        """Raises StorageError in one sentence unless objects can be written and removed: for the start of a studio."""
        probe = f"{self._root}/probe-{secrets.token_hex(8)}"
        is_local = getattr(self._fs, "local_file", False)
        try:
            if is_local and not Path(self._root).is_dir():
                raise FileNotFoundError
            self._fs.pipe_file(probe, b"written by a studio at its start")
            self._fs.rm_file(probe)
        except FileNotFoundError:
            what = "folder" if is_local else "bucket"
            raise StorageError(
                f"The {what} of STUDIO_FILES does not exist: create it, or correct {self.address!r}."
            ) from None
        except Exception as error:  # each file system has errors of its own
            raise StorageError(
                f"The studio cannot write to STUDIO_FILES, {self.address!r}: {_reason(error)}."
            ) from None

    def versions(self, group: str) -> Versions:
        """What is in a group. Objects with other names than this class gives are not listed."""
        found: dict[str, list[Version]] = {}
        for path in self._paths(group):
            item, _, name = path.rpartition("/")
            if (match := _VERSION.fullmatch(name)) and is_plain(item):
                attempt, number, digest, ending = match.groups()
                found.setdefault(item, []).append(Version(int(attempt), int(number), digest, bool(ending)))
        return {item: sorted(versions) for item, versions in found.items()}

    def groups(self, kind: str) -> list[str]:
        """The names of the groups of a kind: of "runs" the ids of runs."""

        def listed() -> list[str]:
            try:
                return [str(path) for path in self._fs.ls(f"{self._root}/{kind}", detail=False)]
            except FileNotFoundError:
                return []

        return [path.rstrip("/").rpartition("/")[2] for path in self._asked(listed)]

    def put(self, group: str, item: str, content: Path, version: Version) -> None:
        """Stores a file, or the zip that `pack` makes of a folder, which nobody may write meanwhile.

        The former versions stay. After an error it may be there all the same, so that its number must not be used
        again. Raises OSError where the file cannot be read.
        """
        key = self._key(group, item, version)
        try:
            self._asked(lambda: self._send(content, key))
        except Gone:
            raise StoreUnavailable(f"The bucket or folder of STUDIO_FILES, {self.address!r}, is gone.") from None

    def fetch(self, group: str, item: str, version: Version, target: Path) -> None:
        """Brings a version to `target`, in place of what lies there, whole or not at all.

        Raises Damaged, Gone, OSError.
        """
        key = self._key(group, item, version)
        target.parent.mkdir(parents=True, exist_ok=True)
        content = target.with_name(f"{STAGED}{secrets.token_hex(8)}")
        try:
            self._asked(lambda: self._fs.get_file(key, str(content)))
            if sha256_of(content) != version.digest:
                raise Damaged(f"What the store of files has of {item!r} is damaged: its SHA-256 is another one.")
            with whole(target.parent, target.name) as staged:
                if version.is_folder:
                    _unpack(content, staged, item)
                    remove(target)  # a folder with content cannot be replaced
                else:
                    content.replace(staged)
        finally:
            remove(content)

    def remove(self, group: str, item: str, versions: Sequence[Version]) -> None:
        """Removes versions of an item; those that are gone already are passed over."""
        for version in versions:
            self._remove(self._key(group, item, version))

    def remove_group(self, group: str) -> None:
        """Removes everything in a group."""
        for path in self._paths(group):
            self._remove(f"{self._root}/{group}/{path}")

    def _paths(self, group: str) -> list[str]:
        """The paths of all objects of a group, below it."""
        above = f"{self._root}/{group}/"

        def listed() -> list[str]:
            try:
                return [str(path) for path in self._fs.find(above)]
            except FileNotFoundError:
                return []

        return [path.removeprefix(above) for path in self._asked(listed) if path.startswith(above)]

    def _key(self, group: str, item: str, version: Version) -> str:
        if not is_plain(group) or not is_plain(item):
            raise StorageError(f"{item[:80]!r} cannot be the name of a file in the store.")
        return f"{self._root}/{group}/{item}/{version}"

    def _send(self, source: Path, key: str) -> None:
        if not getattr(self._fs, "local_file", False):
            self._fs.put_file(str(source), key)
            return
        partial = f"{key}.partial"  # an object store shows nothing of an upload before its end; a folder does
        self._fs.put_file(str(source), partial)
        self._fs.mv(partial, key)

    def _remove(self, key: str) -> None:
        with suppress(Gone):
            self._asked(lambda: self._fs.rm_file(key))

    def _asked(self, action: Callable[[], _T]) -> _T:
        """What the store answers. Raises StoreUnavailable; Gone for an object that is not there."""
        try:
            return action()
        except FileNotFoundError:
            raise Gone("A file is not in the store any more.") from None
        except Exception as error:  # each file system has errors of its own
            _log.warning("The store of files, %s: %s", self.address, _reason(error))
            raise StoreUnavailable(
                f"The store of files does not answer now ({type(error).__name__}): try again in a moment."
            ) from None


def is_plain(name: str) -> bool:
    """Whether a path with "/" stays below the folder that it is put together with."""
    return all(re.fullmatch(r"[A-Za-z0-9_-][A-Za-z0-9._-]*", part) for part in name.split("/"))


def sha256_of(path: Path) -> str:
    """Of a file's content."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def pack(folder: Path, target: Path) -> None:
    """Writes all files of a folder into one zip: their names and contents alone. Raises OSError."""
    with zipfile.ZipFile(target, "w") as archive:
        for path in sorted(folder.rglob("*")):
            if path.is_file() and not path.is_symlink():
                entry = zipfile.ZipInfo(path.relative_to(folder).as_posix())
                with path.open("rb") as file, archive.open(entry, "w", force_zip64=True) as copy:
                    shutil.copyfileobj(file, copy)


def _unpack(archive: Path, target: Path, item: str) -> None:
    """Raises Damaged for a zip that `pack` does not make: nothing is written outside `target`."""
    target.mkdir()
    try:
        with zipfile.ZipFile(archive) as packed:
            for entry in packed.infolist():
                if not is_plain(entry.filename) or entry.compress_type != zipfile.ZIP_STORED:
                    raise Damaged(f"What the store of files has of {item!r} was not packed by a studio.")
                packed.extract(entry, target)
    except zipfile.BadZipFile:
        raise Damaged(f"What the store of files has of {item!r} is no zip.") from None


def _reason(error: BaseException) -> str:
    return f"{type(error).__name__}: {first_line(error)[:200]}".rstrip(": .")
