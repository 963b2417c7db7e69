"""Prompts in the formats of other programs, made one at a time in the background."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from app.jobs.child_environment import child_environment
from app.jobs.exporting_worker import Task
from lamp.errors import DataError

_COMMAND = (sys.executable, "-m", "app.jobs.exporting_worker")
_ROOT = Path(__file__).resolve().parents[1]
_ENDED = "The export ended unexpectedly, perhaps for want of memory; the studio's log may say more."


@dataclass(frozen=True)
class ExportState:
    """How far an export is."""

    format: str
    part: str = ""
    """What is being done; empty once it has ended"""
    share: float = 0.0
    """Of that part, 0 to 1"""
    sentence: str = ""
    """How its answers compare with the studio's, once it is made"""
    problem: str = ""
    """Why it could not be made"""
    file: Path | None = None
    """The zip, once it is made"""


class Exports:
    """The exports of one studio."""

    def __init__(self, command: Sequence[str] = _COMMAND) -> None:
        """command: the program that makes one, for tests."""
        self._command = tuple(command)
        self._lock = threading.Lock()
        self._states: dict[str, ExportState] = {}
        """Folder of an export to how far it is"""
        self._child: subprocess.Popen[str] | None = None
        self._going_on = ""
        """Folder of the export that is being made"""

    def begin(self, task: Task) -> None:
        """Begins to make an export, unless it is being made. Raises DataError while another one is."""
        with self._lock:
            if self._going_on and self._going_on != task.folder:
                raise DataError("Another export is being made: wait until it has ended, or cancel it there.")
            if self._going_on:
                return
            self._child = self._start()
            self._going_on, self._states[task.folder] = task.folder, ExportState(task.format, "Starting")
            threading.Thread(target=self._follow, args=(self._child, task), name="export", daemon=True).start()

    def state(self, folder: Path, format: str) -> ExportState | None:
        """How far an export is; one of before the studio's start is known by its files. None without any."""
        archive, told = folder.with_suffix(".zip"), folder.with_suffix(".txt")
        state = self._states.get(str(folder))
        if state is not None and (state.part or state.problem):
            return state
        if archive.is_file() and told.is_file():
            return ExportState(format, sentence=told.read_text(encoding="utf-8"), file=archive)
        return None

    def cancel(self, folder: Path) -> None:
        """Ends an export that is being made; nothing of it stays."""
        with self._lock:
            if self._going_on == str(folder) and self._child is not None:
                self._states[str(folder)] = replace(self._states[str(folder)], part="Cancelling")
                self._child.kill()

    def _start(self) -> subprocess.Popen[str]:
        try:
            return subprocess.Popen(
                self._command,
                cwd=_ROOT,
                env=child_environment(),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
                encoding="utf-8",
                start_new_session=True,  # Ctrl+C in the server's terminal is for the server
            )
        except OSError as error:
            raise DataError(f"The export cannot be made now ({error.strerror}): try it again.") from error

    def _follow(self, child: subprocess.Popen[str], task: Task) -> None:
        """Notes what the process tells until it has ended."""
        ended = ExportState(task.format, problem=_ENDED)
        try:
            assert child.stdin and child.stdout
            with child.stdin:
                child.stdin.write(json.dumps(asdict(task)) + "\n")
            for line in child.stdout:
                values = json.loads(line) if line.startswith("{") else {}
                if "part" in values:
                    self._note(task, ExportState(task.format, values["part"], values["share"]))
                elif "done" in values:
                    Path(task.folder).with_suffix(".txt").write_text(values["done"], encoding="utf-8")
                    ended = ExportState(task.format, sentence=values["done"])
                elif "problem" in values:
                    ended = ExportState(task.format, problem=values["problem"])
        except (OSError, ValueError):  # it was ended before it had read, or wrote half a line
            pass
        finally:
            child.wait()
            with self._lock:
                if self._states[task.folder].part == "Cancelling":
                    ended = ExportState(task.format, problem="The export was cancelled.")
                self._going_on, self._states[task.folder] = "", ended

    def _note(self, task: Task, state: ExportState) -> None:
        with self._lock:
            if self._states[task.folder].part != "Cancelling":
                self._states[task.folder] = state
