"""ArtifactStore: what runs leave behind, published whole with one rename."""

from __future__ import annotations

import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from storage.errors import NotStored
from storage.files import flush, flush_tree, older_than_a_day, remove, safe_name

_STAGED = ".staged-"


class ArtifactStore:
    """Folders under one root, `<run>.<n>`: a run that goes on and ends again publishes a higher n."""

    def __init__(self, root: Path) -> None:
        self.root = root
        root.mkdir(parents=True, exist_ok=True)

    @contextmanager
    def stage(self, job_id: str) -> Iterator[Path]:
        """An empty folder to write into; it appears under the run's name when the block ends without an error.

        A reader sees the former artifact or the new one, at every moment whole. Raises OSError (a full disk).
        """
        staged = self.root / f"{_STAGED}{safe_name(job_id)}-{secrets.token_hex(4)}"
        staged.mkdir()
        try:
            yield staged
            flush_tree(staged)
            staged.rename(self.root / f"{job_id}.{self._newest(job_id) + 1}")
            flush(self.root)
        finally:
            shutil.rmtree(staged, ignore_errors=True)

    def path(self, job_id: str) -> Path:
        """The run's artifact. Raises NotStored, UnsafeName."""
        newest = self._newest(safe_name(job_id))
        if not newest:
            raise NotStored(f"The run {job_id!r} has no exported prompt yet.")
        return self.root / f"{job_id}.{newest}"

    def remove(self, job_id: str) -> None:
        """Removes every artifact of the run."""
        for folder in self.root.glob(f"{safe_name(job_id)}.*"):
            remove(folder)

    def sweep(self, jobs: frozenset[str]) -> int:
        """Removes staged folders that were left behind, superseded artifacts, and those of no run in `jobs`.

        Returns how many folders went. What is younger than a day stays, in case someone still reads or writes it.
        """
        gone = 0
        for folder in list(self.root.iterdir()):
            name, _, number = folder.name.rpartition(".")
            current = (
                not folder.name.startswith(_STAGED)
                and name in jobs
                and number.isdigit()
                and int(number) == self._newest(name)
            )
            if not current and older_than_a_day(folder):
                remove(folder)
                gone += 1
        return gone

    def _newest(self, job_id: str) -> int:
        numbers = [path.name.rpartition(".")[2] for path in self.root.glob(f"{job_id}.*")]
        return max((int(number) for number in numbers if number.isdigit()), default=0)
