"""Prompts in the formats of other programs, made one at a time in the background."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from app.processes.child_environment import CODE_FOLDER, child_environment
from app.processes.child_message import message_in
from app.prompts.exporting_worker import Task, archives, comparison_in
from lamp.errors import DataError
from storage.files import remove

_COMMAND = (sys.executable, "-m", "app.prompts.exporting_worker")
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
    """The exports of one studio. Each has a place, a folder of its own, whose only file is a whole zip."""

    def __init__(self, command: Sequence[str] = _COMMAND) -> None:
        """command: the program that makes one, for tests."""
        self._command = tuple(command)
        self._lock = threading.Lock()
        self._states: dict[Path, ExportState] = {}
        """Place of an export to how far it is"""
        self._child: subprocess.Popen[str] | None = None
        self._going_on: Path | None = None
        """Place of the export that is being made"""

    def begin(self, task: Task) -> None:
        """Begins to make an export, unless it is being made. Raises DataError while another one is."""
        with self._lock:
            if self._going_on not in (None, task.place):
                raise DataError("Another export is being made: wait until it has ended, or cancel it there.")
            if self._going_on:
                return
            _clear(task.place)  # of a process that was killed
            self._child = self._start()
            self._going_on, self._states[task.place] = task.place, ExportState(task.format, "Starting")
            threading.Thread(target=self._follow, args=(self._child, task), name="export", daemon=True).start()

    def state(self, place: Path, format: str) -> ExportState | None:
        """How far an export is; one of before the studio's start is known by its file. None without any."""
        state = self._states.get(place)
        if state is not None and (state.part or state.problem):
            return state
        with suppress(OSError):  # the hourly sweep removes old ones
            made = archives(place)
            return ExportState(format, sentence=comparison_in(made[-1]), file=made[-1]) if made else None
        return None

    def cancel(self, place: Path) -> None:
        """Ends an export that is being made; nothing of it stays."""
        with self._lock:
            if self._going_on == place and self._child is not None:
                self._states[place] = replace(self._states[place], part="Cancelling")
                _kill(self._child)

    def close(self) -> None:
        """Ends the export that is being made, if there is one."""
        if place := self._going_on:
            self.cancel(place)

    def _start(self) -> subprocess.Popen[str]:
        try:
            return subprocess.Popen(
                self._command,
                cwd=CODE_FOLDER,
                env=child_environment(),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
                encoding="utf-8",
                errors="replace",
                start_new_session=True,  # Ctrl+C in the server's terminal is for the server
            )
        except OSError as error:
            raise DataError(f"The export cannot be made now ({error.strerror}): try it again.") from error

    def _follow(self, child: subprocess.Popen[str], task: Task) -> None:
        """Notes what the process tells until it has ended."""
        ended = ExportState(task.format, problem=_ENDED)
        try:
            assert child.stdin and child.stdout
            with child.stdin:  # open until the end: the process ends when it is closed, as it is when the studio ends
                child.stdin.write(json.dumps(asdict(task)) + "\n")
                child.stdin.flush()
                for line in child.stdout:
                    values = message_in(line)
                    if "part" in values:
                        self._note(task, ExportState(task.format, values["part"], values["share"]))
                    elif "done" in values:
                        ended = ExportState(task.format, sentence=values["done"])
                    elif "problem" in values:
                        ended = ExportState(task.format, problem=values["problem"])
        except OSError:  # it was ended before it had read
            pass
        finally:
            _kill(child)
            child.wait()
            _clear(task.place)
            with self._lock:
                if self._states[task.place].part == "Cancelling":
                    ended = ExportState(task.format, problem="The export was cancelled.")
                self._going_on, self._states[task.place] = None, ended

    def _note(self, task: Task, state: ExportState) -> None:
        with self._lock:
            if self._states[task.place].part != "Cancelling":
                self._states[task.place] = state


def _kill(child: subprocess.Popen[str]) -> None:
    """Ends a process, and those that it has started: llama.cpp is one of its own."""
    if child.returncode is None:  # its id is its own until it was waited for
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(child.pid, signal.SIGKILL)


def _clear(place: Path) -> None:
    """Removes what is in a place beside whole zips."""
    made = archives(place)
    for path in place.glob("*"):
        if path not in made:
            remove(path)
