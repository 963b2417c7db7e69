"""UploadStore: uploaded data sets, stored by the hash of their content so that the same file is stored once.

Each owner of a file has a row, and knows nothing of the others' rows.
"""

from __future__ import annotations

import builtins
import hashlib
import re
import secrets
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from sqlalchemy import select
from sqlalchemy.orm import Session

from storage.database import Database, utc_now
from storage.errors import NotStored, WrongState
from storage.files import STAGED, older_than_a_day, remove, whole
from storage.owners import EVERYONE, Owner
from storage.records import Job
from storage.states import JobState
from storage.tables import JobRow, UploadRow

_PREFIX = "upload:"
_CHUNK_BYTES = 1 << 20


@dataclass(frozen=True)
class Upload:
    """A stored file."""

    reference: str
    """ "upload:<sha256>"."""
    name: str
    """The name of the file that was uploaded, without its folder."""
    bytes: int
    created_at: datetime
    rows: int | None
    """Number of rows; None for an upload of an earlier version, until `describe` fills it in."""
    columns: tuple[str, ...] | None
    """Names of the columns, in the order of the file; None as for `rows`."""
    source: dict[str, str] | None
    """Which part of which data set on the Hub it was fetched from, as it was given to `add`."""


class UploadStore:
    """Files under one root, named by the SHA-256 of their content, and beside each the table that was read from it."""

    def __init__(self, database: Database, root: Path, owner: Owner = EVERYONE) -> None:
        """owner: for whom it works; the uploads of others read as references that nobody has."""
        self.database, self.owner = database, owner
        self.root = root
        root.mkdir(parents=True, exist_ok=True)

    def add(
        self, path: Path, name: str, rows: int, columns: Sequence[str], source: Mapping[str, str] | None = None
    ) -> Upload:
        """Copies a file in; `rows` and `columns` are what was read from it. Raises OSError.

        source: where it was fetched from. The same content again is stored once and takes the newer name, and the
        newer source if it has one.
        """
        digest, size = hashlib.sha256(), 0
        # A file of the same content is replaced: the new one is young, so that no sweep removes it.
        with (
            whole(self.root, digest.hexdigest) as staged,
            path.open("rb") as original,
            staged.open("xb") as copy,
        ):
            while chunk := original.read(_CHUNK_BYTES):
                digest.update(chunk)
                size += len(chunk)
                copy.write(chunk)
        self._added(self.root / digest.hexdigest())
        with self.database.write() as session:
            row = session.merge(
                UploadRow(
                    owner=self.owner.name,
                    sha256=digest.hexdigest(),
                    name=_plain(name),
                    bytes=size,
                    rows=rows,
                    columns=list(columns),
                    created_at=utc_now(),
                )
            )
            if source is not None:
                row.source = dict(source)
            session.flush()
            return _upload_of(row)

    @contextmanager
    def staged(self) -> Iterator[Path]:
        """A name for a table that is being made, beside the files; whatever lies there at the end is removed."""
        path = self.root / f"{STAGED}{secrets.token_hex(8)}"
        try:
            yield path
        finally:
            remove(path)

    def table(self, reference: str, name: str) -> Path:
        """Where the table of an upload lies once it was added; it depends on the ending of the file's name.

        Raises NotStored.
        """
        endings = "".join(re.findall(r"[.][a-z0-9]{1,8}(?=[.]|$)", _plain(name).lower())[-2:])
        file = self.path(reference)
        table = file.with_name(f"{file.name}{endings}.parquet")
        self._is_here(table)
        return table

    def add_table(self, reference: str, name: str, table: Path) -> None:
        """Keeps the table of an upload, which moves from the place that `staged` gave. Raises NotStored, OSError."""
        target = self.table(reference, name)
        with whole(self.root, target.name) as staged:
            table.replace(staged)
        self._added(target)

    def path(self, reference: str) -> Path:
        """The file of a reference. Raises NotStored for one that is malformed or unknown."""
        if not self.owner.sees_all:
            self.get(reference)
        path = self.root / _sha256(reference)
        if not self._is_here(path):
            raise _not_stored(reference)
        return path

    def check(self, reference: str) -> None:
        """Raises NotStored unless the reference has a file; the file itself may be elsewhere."""
        self.path(reference)

    def get(self, reference: str) -> Upload:
        """The upload of a reference. Raises NotStored."""
        with self.database.read() as session:
            return _upload_of(self._row(session, reference))

    def list(self) -> builtins.list[Upload]:
        """All uploads, newest first; where several people have the same file, the row that `get` gives."""
        newest = UploadRow.created_at.desc(), UploadRow.sha256
        with self.database.read() as session:
            rows = list(session.scalars(select(UploadRow).where(self.owner.sees(UploadRow.owner)).order_by(*newest)))
        chosen: dict[str, UploadRow] = {}
        for row in sorted(rows, key=self._rank):
            chosen.setdefault(row.sha256, row)
        return [_upload_of(row) for row in rows if chosen[row.sha256] is row]

    def describe(self, reference: str, rows: int, columns: Sequence[str]) -> Upload:
        """Records the shape of an upload of an earlier version. Raises NotStored."""
        with self.database.write() as session:
            row = self._row(session, reference)
            row.rows, row.columns = rows, [*columns]
            return _upload_of(row)

    def rename(self, reference: str, name: str) -> Upload:
        """Gives an upload another name; its ending tells how the file is read. Raises NotStored."""
        with self.database.write() as session:
            row = self._row(session, reference)
            row.name = _plain(name)
            return _upload_of(row)

    def remove(self, reference: str) -> None:
        """Removes an upload, with its file and its tables once nobody has them. Raises NotStored.

        Raises WrongState while a run of its owner needs it.
        """
        with self.database.write() as session:
            row = self._row(session, reference)
            needing = [JobState.QUEUED, *(state for state in JobState if state.active)]
            unfinished = session.scalars(select(JobRow).where(JobRow.state.in_(needing), JobRow.owner == row.owner))
            job = next((job for job in unfinished if _sha256(reference) in uploads_of(job)), None)
            if job is not None:
                raise WrongState(
                    f"The data set {row.name!r} cannot be deleted while the run {job.name!r} is {job.state}: "
                    "stop that run first, or wait until it has ended."
                )
            session.delete(row)
            session.flush()
            wanted = session.scalar(select(UploadRow.sha256).where(UploadRow.sha256 == row.sha256).limit(1))
        if wanted is None:
            self._remove_files(reference.removeprefix(_PREFIX))

    def sweep(self) -> int:
        """Removes files that belong to no upload and are older than a day (a younger one may be being added).

        Returns how many were removed.
        """
        listed = {upload.reference for upload in self.list()}
        removed = 0
        for path in self.root.iterdir():
            if f"{_PREFIX}{path.name.partition('.')[0]}" not in listed and older_than_a_day(path):
                remove(path)
                removed += 1
        return removed

    def _added(self, path: Path) -> None:
        """Called for each file once it lies under the root, before a row refers to it."""

    def _is_here(self, path: Path) -> bool:
        """Whether a file lies under the root, or could be brought there."""
        return path.is_file()

    def _remove_files(self, sha256: str) -> None:
        for path in self.root.glob(f"{sha256}*"):
            remove(path)

    def _row(self, session: Session, reference: str) -> UploadRow:
        """The row of an upload, if it exists for the store's owner. Raises NotStored."""
        mine = UploadRow.sha256 == _sha256(reference), self.owner.sees(UploadRow.owner)
        row = min(session.scalars(select(UploadRow).where(*mine)), key=self._rank, default=None)
        if row is None:
            raise _not_stored(reference)
        return row

    def _rank(self, row: UploadRow) -> tuple[bool, datetime, str]:
        """Orders the rows of one file: the owner's own first, then the oldest."""
        return row.owner != self.owner.name, row.created_at, row.owner


def uploads_of(job: JobRow | Job) -> set[str]:
    """The hashes of the uploads that a run reads: to learn from, for validation, for the test."""
    data = job.config.get("data")
    own = data if isinstance(data, dict) else {}
    named = {job.dataset, *(str(own.get(name)) for name in ("validation_data", "test_data"))}
    return {name.removeprefix(_PREFIX) for name in named if name.startswith(_PREFIX)}


def _plain(name: str) -> str:
    """The part of a path after its last / or \\, at most 200 characters, without control characters."""
    last = re.split(r"[/\\]", name)[-1]
    return "".join(char for char in last if char.isprintable())[-200:] or "data"


def _sha256(reference: str) -> str:
    """The hash that a reference names. Raises NotStored for anything else."""
    sha256 = reference.removeprefix(_PREFIX)
    if not reference.startswith(_PREFIX) or not re.fullmatch(r"[0-9a-f]{64}", sha256):
        raise _not_stored(reference)
    return sha256


def _not_stored(reference: str) -> NotStored:
    return NotStored(f"There is no uploaded file {reference[:80]!r}: upload it again.")


def _upload_of(row: UploadRow) -> Upload:
    columns = tuple(row.columns) if row.columns is not None else None
    return Upload(_PREFIX + row.sha256, row.name, row.bytes, row.created_at, row.rows, columns, row.source)
