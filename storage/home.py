"""Where everything lies under STUDIO_HOME, how much room it takes, and what of it is a run's."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

from storage.errors import LowDisk
from storage.files import flush, older_than_a_day, remove, safe_name, tree_bytes
from storage.logs import rotated


@dataclass(frozen=True)
class DiskUse:
    """Bytes that the studio's parts take, and what is left on their disk."""

    parts: dict[str, int]
    """Part of the home folder → bytes."""
    free: int

    @property
    def total(self) -> int:
        """Bytes of all parts."""
        return sum(self.parts.values())


@dataclass(frozen=True)
class Home:
    """The layout of one STUDIO_HOME."""

    root: Path

    @property
    def artifacts(self) -> Path:
        return self.root / "artifacts"

    @property
    def uploads(self) -> Path:
        return self.root / "uploads"

    @property
    def tokens(self) -> Path:
        """Token ids of data sets, kept for the next run on the same data."""
        return self.root / "tokens"

    @property
    def backups(self) -> Path:
        return self.root / "backups"

    def checkpoints(self, job_id: str) -> Path:
        """The run's own folder of checkpoints. Raises UnsafeName."""
        return self.root / "checkpoints" / safe_name(job_id)

    def log(self, job_id: str) -> Path:
        """The run's log; its older part lies beside it. Raises UnsafeName."""
        return self.root / "logs" / f"{safe_name(job_id)}.log"

    def copy_checkpoints(self, source: str, target: str) -> None:
        """Gives the run `target` the checkpoints of `source`, whole or not at all. Raises OSError."""
        if not self.checkpoints(source).is_dir():
            return
        staged = self.root / "checkpoints" / f".staged-{safe_name(target)}"
        remove(staged)
        shutil.copytree(self.checkpoints(source), staged, ignore=shutil.ignore_patterns(".staged-*"))
        staged.rename(self.checkpoints(target))
        flush(staged.parent)

    def forget(self, job_id: str) -> None:
        """Removes the run's checkpoints and log."""
        remove(self.checkpoints(job_id))
        remove(self.log(job_id))
        remove(rotated(self.log(job_id)))

    def sweep(self, jobs: frozenset[str]) -> int:
        """Removes, once unused for a day, checkpoints and logs of no run in `jobs`, and what can be made again.

        That is zips and token ids. Returns how many went.
        """
        gone = 0
        kept = ("checkpoints", "logs")
        for path in (path for part in (*kept, "exports", "tokens") for path in (self.root / part).glob("*")):
            wanted = path.name.split(".")[0] in jobs and path.parent.name in kept
            if not wanted and older_than_a_day(path):
                remove(path)
                gone += 1
        return gone

    def use(self) -> DiskUse:
        """What the studio takes; walks the folders, so seldom ask it."""
        parts = {path.name: tree_bytes(path) for path in self.root.iterdir() if path.is_dir()}
        database = sum(tree_bytes(path) for path in self.root.glob("studio.db*"))
        return DiskUse({**parts, "database": database}, shutil.disk_usage(self.root).free)

    def check_space(self, wanted_bytes: int) -> None:
        """Raises LowDisk when fewer than `wanted_bytes` are free."""
        free = shutil.disk_usage(self.root).free
        if free < wanted_bytes:
            raise LowDisk(
                f"Only {free / 1e9:.2f} GB are free on the studio's disk and a new run wants at least "
                f"{wanted_bytes / 1e9:.2f} GB: delete runs or uploads that are no longer needed."
            )
