"""ArtifactStore: the exported prompts of runs, each published whole with one rename."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from storage.errors import NotStored
from storage.files import STAGED, older_than_a_day, remove, safe_name, whole


class ArtifactStore:
    """Folders `<run>.<n>` under one root: a run that is resumed and ends again publishes a higher n."""

    def __init__(self, root: Path) -> None:
        self.root = root
        root.mkdir(parents=True, exist_ok=True)

    @contextmanager
    def stage(self, job_id: str) -> Iterator[Path]:
        """An empty folder to write into, which is published as the run's artifact when the block ends without an error.

        A reader gets the former artifact or the new one, each of them whole. Raises OSError (a full disk).
        """
        safe_name(job_id)
        with whole(self.root, lambda: f"{job_id}.{self._newest(job_id) + 1}") as staged:
            staged.mkdir()
            yield staged

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

        What is younger than a day stays, because somebody may still read or write it. Returns how many were removed.
        """
        removed = 0
        for folder in list(self.root.iterdir()):
            name, _, number = folder.name.rpartition(".")
            current = (
                not folder.name.startswith(STAGED)
                and name in jobs
                and number.isdigit()
                and int(number) == self._newest(name)
            )
            if not current and older_than_a_day(folder):
                remove(folder)
                removed += 1
        return removed

    def _newest(self, job_id: str) -> int:
        numbers = [path.name.rpartition(".")[2] for path in self.root.glob(f"{job_id}.*")]
        return max((int(number) for number in numbers if number.isdigit()), default=0)
