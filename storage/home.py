"""The folders under STUDIO_HOME: their paths, the disk space they take, and the files of a run in them."""

from __future__ import annotations

import re
import shutil
from dataclasses import dataclass
from pathlib import Path

from storage.errors import LowDisk
from storage.files import STAGED, older_than_a_day, remove, safe_name, tree_bytes, whole
from storage.logs import rotated


@dataclass(frozen=True)
class DiskUse:
    """The disk space that the studio takes, in bytes."""

    parts: dict[str, int]
    """Folder of the home folder → its size in bytes."""
    free: int
    """Free bytes on the disk."""

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
        """Token ids of data sets, cached for the next run on the same data."""
        return self.root / "tokens"

    @property
    def quotes(self) -> Path:
        """Measured time and memory of recipes."""
        return self.root / "quotes"

    @property
    def probes(self) -> Path:
        """Results of trying backbones before a run: whether they can be read exactly."""
        return self.root / "probes"

    @property
    def tracked(self) -> Path:
        """TensorBoard's files, if that tracker was chosen."""
        return self.root / "tensorboard"

    @property
    def backups(self) -> Path:
        return self.root / "backups"

    def checkpoints(self, job_id: str) -> Path:
        """The run's own folder of checkpoints. Raises UnsafeName."""
        return self.root / "checkpoints" / safe_name(job_id)

    def log(self, job_id: str) -> Path:
        """The run's log; its older part is beside it. Raises UnsafeName."""
        return self.root / "logs" / f"{safe_name(job_id)}.log"

    def answers(self, job_id: str) -> Path:
        """The answers of the run's prompt to its held-out rows. Raises UnsafeName."""
        return self.root / "answers" / f"{safe_name(job_id)}.jsonl"

    def inspection(self, job_id: str) -> Path:
        """The inspection of the run's prompt. Raises UnsafeName."""
        return self.root / "answers" / f"{safe_name(job_id)}.prompt.json"

    def samples(self, job_id: str) -> Path:
        """Answers to a few held-out rows at each evaluation of the run. Raises UnsafeName."""
        return self.root / "answers" / f"{safe_name(job_id)}.samples.jsonl"

    def rented(self, job_id: str) -> Path:
        """The rented machine that the run is on, while it is on one. Raises UnsafeName."""
        return self.root / "rented" / f"{safe_name(job_id)}.json"

    def token_weights(self, job_id: str) -> Path:
        """The contribution of each virtual token of the run's prompt. Raises UnsafeName."""
        return self.root / "answers" / f"{safe_name(job_id)}.tokens.json"

    def other_ways(self, job_id: str) -> Path:
        """The answers of other ways to the rows that the run's prompt was tested on. Raises UnsafeName."""
        return self.root / "answers" / f"{safe_name(job_id)}.ways.json"

    def copy_checkpoints(self, source: str, target: str) -> None:
        """Copies the checkpoints of run `source` to run `target`, completely or not at all. Raises OSError."""
        if not self.checkpoints(source).is_dir():
            return
        copy = self.checkpoints(target)
        with whole(copy.parent, copy.name) as staged:
            shutil.copytree(self.checkpoints(source), staged, ignore=shutil.ignore_patterns(f"{STAGED}*"))

    def keep(self, job_id: str) -> None:
        """Called after the studio itself, and no worker, has written or removed answers of a run."""

    def forget(self, job_id: str) -> None:
        """Removes the files of a run."""
        remove(self.checkpoints(job_id))
        remove(self.answers(job_id))
        remove(self.inspection(job_id))
        remove(self.token_weights(job_id))
        remove(self.samples(job_id))
        remove(self.other_ways(job_id))
        remove(self.rented(job_id))
        remove(self.log(job_id))
        remove(rotated(self.log(job_id)))

    def forget_tokens(self) -> None:
        """Removes the token ids of all data sets: their files do not tell which data set they belong to."""
        for path in self.tokens.glob("*"):
            remove(path)

    def sweep(self, jobs: frozenset[str]) -> int:
        """Removes the files of runs that are not in `jobs`, and zips and token ids, which can be made again.

        Files used within a day stay. Returns how many were removed.
        """
        removed = 0
        of_runs = ("checkpoints", "answers", "logs")
        for path in (path for part in (*of_runs, "exports", "tokens") for path in (self.root / part).glob("*")):
            wanted = path.name.split(".")[0] in jobs and path.parent.name in of_runs
            if not wanted and older_than_a_day(path):
                remove(path)
                removed += 1
        return removed

    def use(self) -> DiskUse:
        """Measures the studio's disk space. Slow: it looks at every file."""
        parts = {path.name: tree_bytes(path) for path in self.root.iterdir() if path.is_dir()}
        database = sum(tree_bytes(path) for path in self.root.glob("studio.db*"))
        return DiskUse({**parts, "database": database}, self.free_bytes())

    def use_of(self, jobs: frozenset[str], upload_bytes: int) -> DiskUse:
        """Measures the disk space of some runs and uploads. Slow: it looks at every file of theirs."""
        parts = {"uploads": upload_bytes}
        for part in ("artifacts", "checkpoints", "answers", "logs", "exports"):
            parts[part] = self.bytes_of(jobs, part)
        return DiskUse(parts, self.free_bytes())

    def bytes_of(self, jobs: frozenset[str], folder: str) -> int:
        """Measures the bytes of some runs in one of the folders; looks at every file of theirs in it."""
        paths = (self.root / folder).glob("*")
        return sum(tree_bytes(path) for path in paths if re.split("[.-]", path.name)[0] in jobs)

    def free_bytes(self) -> int:
        """Returns the free bytes on the studio's disk."""
        return shutil.disk_usage(self.root).free

    def check_space(self, wanted_bytes: int, purpose: str = "a new run") -> None:
        """Raises LowDisk if fewer than `wanted_bytes` are free. purpose: what needs them, for the sentence."""
        free = self.free_bytes()
        if free < wanted_bytes:
            raise LowDisk(
                f"Only {free / 1e9:.2f} GB are free on the studio's disk and {purpose} wants at least "
                f"{wanted_bytes / 1e9:.2f} GB: delete runs or uploads that are no longer needed."
            )
