"""Measures one recipe at a time, in a process of its own, and never on a device that a run uses."""

from __future__ import annotations

import json
import logging
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from tempfile import TemporaryFile
from typing import IO

from app.planning.measuring_worker import Task
from app.processes.child_environment import CODE_FOLDER, child_environment
from app.processes.identity import host_name
from app.processes.slots import environment
from lamp.errors import LampError
from lamp.training.quote import Measured
from storage.jobs import JobStore
from storage.owners import EVERYONE, Owner

_log = logging.getLogger(__name__)
_SECONDS = 300.0
"""Time limit of a measurement."""
_TURN = 0.25
"""Seconds between two checks of the process."""
_KILL_SECONDS = 5.0
"""Time for a process to end after its input was closed."""
_COMMAND = (sys.executable, "-m", "app.planning.measuring_worker")

OnPhase = Callable[[str], None]


class MeasuringError(LampError):
    """A recipe cannot be measured; the message is one sentence."""


@dataclass
class _Measurement:
    """A measurement in progress or finished."""

    key: str
    owner: str
    phase: str = "Starting"
    cancelled: threading.Event = field(default_factory=threading.Event)
    done: threading.Event = field(default_factory=threading.Event)
    measured: Measured | None = None
    problem: str = "The measurement ended unexpectedly; the studio's log says more."


class Measuring:
    """Runs the measurements of one studio."""

    def __init__(
        self,
        store: JobStore,
        devices: Callable[[], Sequence[str]],
        command: Sequence[str] = _COMMAND,
        seconds: float = _SECONDS,
    ) -> None:
        """devices: returns the device of every slot; command: the program that measures, for tests."""
        self._store, self._devices = store, devices
        self._command, self._seconds = tuple(command), seconds
        self._lock = threading.Lock()
        self._current: _Measurement | None = None

    def measure(
        self, key: str, task: Task, on_measured: Callable[[Measured], None], on_phase: OnPhase, owner: str = ""
    ) -> Measured:
        """Measures a recipe and waits for the end; joins the measurement in progress if it has the same key.

        on_measured: called once with the result, even if nobody waits any more; owner: who may cancel it. Raises
        MeasuringError.
        """
        with self._lock:
            current = self._current
            if current is None or current.done.is_set():
                slot = self._free_slot()
                current = self._current = _Measurement(key, owner)
                run = threading.Thread(target=self._run, args=(current, task, slot, on_measured), daemon=True)
                run.start()
            elif current.key != key:
                raise MeasuringError("Another recipe is being measured: wait until that has ended, or cancel it there.")
        while not current.done.wait(_TURN):
            on_phase(current.phase)
        if current.measured is None:
            raise MeasuringError(current.problem)
        return current.measured

    def cancel(self, owner: Owner = EVERYONE) -> None:
        """Ends the measurement in progress if it is the owner's, or if an admin asks."""
        if self._current is not None and (owner.sees_all or self._current.owner == owner.name):
            self._current.cancelled.set()

    def _free_slot(self) -> int:
        """Returns a slot whose device no run uses. Raises MeasuringError if there is none."""
        devices = self._devices()
        busy = self._busy_devices(devices)
        free = [slot for slot, device in enumerate(devices) if device not in busy]
        if not free:
            what = "This machine is" if "" in devices else "Every GPU is"
            raise MeasuringError(f"{what} busy with a run, which a measurement would slow down: measure when it ended.")
        return free[0]

    def _busy_devices(self, devices: Sequence[str]) -> set[str]:
        """Returns the devices that runs on this host use now."""
        host = host_name()
        jobs = [*self._store.active(), *self._store.releasing_slots(host)]
        return {devices[slot] for job in jobs if job.host == host for slot in job.slots if slot < len(devices)}

    def _run(self, current: _Measurement, task: Task, slot: int, on_measured: Callable[[Measured], None]) -> None:
        """Starts the process, watches it, and records how it ended. Never raises."""
        try:
            current.measured = self._measured(current, task, slot)
            on_measured(current.measured)
        except MeasuringError as error:
            current.problem = str(error)
        except Exception:  # the page must not wait for ever
            _log.exception("A measurement failed.")
        finally:
            current.done.set()

    def _measured(self, current: _Measurement, task: Task, slot: int) -> Measured:
        devices = self._devices()
        with TemporaryFile() as errors:
            child = subprocess.Popen(
                self._command,
                cwd=CODE_FOLDER,
                env=child_environment(environment([slot], devices)),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
                encoding="utf-8",
            )
            assert child.stdin and child.stdout
            messages: dict[str, object] = {}
            reader = threading.Thread(target=_read, args=(child.stdout, messages, current), daemon=True)
            reader.start()
            try:
                child.stdin.write(task.to_json() + "\n")
                child.stdin.flush()
                self._watch(child, current, devices, slot)
            except BrokenPipeError:  # it is ending, and what it wrote says why
                child.wait(_KILL_SECONDS)
            finally:
                child.kill()
                child.wait()
                reader.join()
                for pipe in (child.stdin, child.stdout):
                    with suppress(OSError):
                        pipe.close()
            return _result(messages, child.returncode, errors)

    def _watch(self, child: subprocess.Popen[str], current: _Measurement, devices: Sequence[str], slot: int) -> None:
        """Waits for the end of the process. Raises MeasuringError if it must be ended before."""
        deadline = time.monotonic() + self._seconds
        while child.poll() is None:
            if current.cancelled.wait(_TURN):
                raise MeasuringError("The measurement was cancelled.")
            if time.monotonic() > deadline:
                raise MeasuringError(
                    f"The measurement took more than {self._seconds / 60:.0f} minutes and was ended: steps of this "
                    "recipe are slow here, so choose a smaller batch or a smaller backbone."
                )
            if devices[slot] in self._busy_devices(devices):
                raise MeasuringError("A run has started, so the measurement was ended: measure when the run has ended.")


def _read(lines: IO[str], messages: dict[str, object], current: _Measurement) -> None:
    """Keeps the last message of each kind until the process closes its output."""
    for line in lines:
        try:
            message = json.loads(line)
        except ValueError:  # what a library prints
            continue
        if isinstance(message, dict):
            messages |= message
            current.phase = str(message.get("phase", current.phase))


def _result(messages: dict[str, object], status: int, errors: IO[bytes]) -> Measured:
    """Returns the measured result. Raises MeasuringError with the process's sentence, or with one about its end."""
    measured = messages.get("measured")
    if isinstance(measured, dict):
        return Measured.from_dict(measured)
    if "problem" in messages:
        raise MeasuringError(str(messages["problem"]))
    if status < 0:
        raise MeasuringError(
            "The system ended the measurement, most likely because memory ran out: choose a smaller batch, a shorter "
            "longest input or a smaller backbone."
        )
    errors.seek(0)
    _log.error("A measurement ended with status %s: %s", status, errors.read().decode("utf-8", "replace")[-4000:])
    raise MeasuringError("The measurement ended unexpectedly; the studio's log says more.")
