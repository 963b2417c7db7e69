"""Uploads a run's state, curves, log, checkpoints and prompt from the rented machine to the exchange."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

from app.jobs.journal import read_values
from app.jobs.rented.exchange import Exchange
from app.jobs.rented.report import FOLDER, Report, name_of
from lamp.training.checkpoint_files import is_whole
from lamp.training.run_digest import RECORD
from storage.artifacts import ArtifactStore
from storage.home import Home
from storage.jobs import Job, JobStore
from storage.logs import rotated
from storage.metrics import Value

_State = tuple[int, int, int]
"""Identifies the content of a file: inode, time of the last change, size in bytes."""


class Courier:
    """Uploads what has changed since the last upload, in one commit."""

    def __init__(self, store: JobStore, home: Home, run: str, exchange: Exchange) -> None:
        self._store, self._home, self._run, self._exchange = store, home, run, exchange
        self._log = _Log(home.log(run))
        self._number = 0
        self._sent: dict[str, _State] = {}
        self._newest: dict[str, int] = {}
        """The last uploaded step of each curve."""
        self._waiting: list[str] = []
        """Lines of the log that were not uploaded yet."""
        self._lines = 0
        """Number of lines of the log that were uploaded."""

    def send(self) -> Job:
        """Uploads the run in its current state, which it returns.

        Raises HubAway, HubRefused; then nothing counts as uploaded.
        """
        job = self._store.get(self._run)
        with TemporaryDirectory() as folder:
            found = dict(self._copies(Path(folder), job))
            # Read after the checkpoints: the curves that are sent are never behind them.
            values = self._values(all_of_them=job.state.finished)
            self._waiting += self._log.new_lines()
            self._number += 1  # also after a failure, of which nobody knows whether it was one
            report = Report(
                state=job.state,
                phase=job.phase,
                step=job.step,
                error=job.error,
                scores=job.scores,
                has_prompt=job.artifact is not None,
                values=values,
                first_line=self._lines,
                lines=self._waiting,
            )
            states = {name: state for name, (_, state) in found.items()}
            self._exchange.send(
                f"Step {job.step}",
                {
                    f"out/{FOLDER}/{name_of(self._number)}": report.to_json(),
                    **{name: path for name, (path, state) in found.items() if self._sent.get(name) != state},
                },
                gone=sorted(set(self._sent) - set(states)),
            )
        self._sent = states
        self._lines, self._waiting = self._lines + len(self._waiting), []
        for step, name, _ in values:
            self._newest[name] = max(step, self._newest.get(name, step))
        return job

    def _values(self, *, all_of_them: bool) -> list[Value]:
        """Returns the values of steps that were not uploaded yet, including those that are only in the journal."""
        sent = {} if all_of_them else self._newest
        waiting = read_values(self._home.checkpoints(self._run) / "journal.jsonl")
        values = {(step, name): value for step, name, value in waiting if step > sent.get(name, -1)}
        values |= {(step, name): value for step, name, value in self._store.values_after(self._run, sent)}
        return [(step, name, value) for (step, name), value in sorted(values.items())]

    def _copies(self, folder: Path, job: Job) -> Iterator[tuple[str, tuple[Path, _State]]]:
        """Yields copies of all files to upload, by their names in the exchange: the run's worker may remove the
        originals."""
        checkpoints = self._home.checkpoints(self._run)
        for checkpoint in sorted(checkpoints.glob("step-*")):
            yield from _copy(checkpoint, folder / checkpoint.name, f"out/checkpoints/{checkpoint.name}", is_whole)
        yield from _copy(checkpoints / RECORD, folder / RECORD, f"out/checkpoints/{RECORD}")
        kept = {
            "samples": self._home.samples(self._run),
            "answers": self._home.answers(self._run),
            "inspection": self._home.inspection(self._run),
        }
        for name, path in kept.items():
            yield from _copy(path, folder / name, f"out/kept/{name}")
        if job.state.finished and job.artifact is not None:
            yield from _copy(ArtifactStore(self._home.artifacts).path(job.artifact), folder / "prompt", "out/prompt")


def _copy(source: Path, target: Path, name: str, is_good: object = None) -> Iterator[tuple[str, tuple[Path, _State]]]:
    """Copies a file or a folder; yields nothing if it does not exist, is removed meanwhile, or the copy is damaged."""
    try:
        paths = sorted(source.rglob("*")) if source.is_dir() else [source]
        states = {path: _state(path) for path in paths if path.is_file()}
        for path in states:
            copy = target / path.relative_to(source)
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, copy)
    except FileNotFoundError:
        return
    if callable(is_good) and not is_good(target):
        return
    for path, state in states.items():
        below = path.relative_to(source).as_posix()
        yield (name if below == "." else f"{name}/{below}"), (target / path.relative_to(source), state)


def _state(path: Path) -> _State:
    found = path.stat()
    return found.st_ino, found.st_mtime_ns, found.st_size


class _Log:
    """Reads a log from where the last reading ended, also if it was rotated meanwhile."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._read = 0

    def new_lines(self) -> list[str]:
        """Returns the lines that were completed since the last call."""
        if not self._path.is_file():
            return []
        text = b""
        if self._path.stat().st_size < self._read:
            text, self._read = rotated(self._path).read_bytes()[self._read :], 0
        with self._path.open("rb") as file:
            file.seek(self._read)
            new = file.read()
        whole = new[: new.rfind(b"\n") + 1]
        self._read += len(whole)
        return (text + whole).decode(errors="replace").splitlines()
