"""Finds out once, before a run, whether a small backbone of an untested family can be read exactly."""

from __future__ import annotations

import hashlib
import json
import logging
import subprocess
import sys
import threading
from collections.abc import Sequence
from contextlib import suppress
from importlib.metadata import version
from pathlib import Path

from app.processes.child_environment import CODE_FOLDER, child_environment
from app.processes.child_memory import free_bytes
from lamp.files import written_whole
from lamp.hub.cached import cached_folder
from lamp.hub.catalog import BackboneInfo
from lamp.hub.folders import is_folder, named_path
from lamp.hub.tried_types import TRIED

_log = logging.getLogger(__name__)
_COMMAND = (sys.executable, "-m", "app.planning.probing_worker")
_MOST_PARAMETERS = 1_000_000_000
_BYTES_OF_PARAMETER = 8
"""Memory that must be free for each parameter: weights in float32, and as much again."""
_SECONDS = 180.0


class Probing:
    """Tries backbones on this machine, one at a time, and stores each result in a file."""

    def __init__(self, folder: Path, command: Sequence[str] = _COMMAND, seconds: float = _SECONDS) -> None:
        """command: the program that tries a backbone, for tests."""
        self._folder, self._command, self._seconds = folder, tuple(command), seconds
        self._lock = threading.Lock()
        self._current = ""
        self._done = threading.Event()

    def problem(self, backbone: BackboneInfo, reference: str, *, wait: bool = False) -> str | None:
        """Returns why a backbone cannot be read exactly; "" if it can or need not be tried; None while it is being
        tried.

        A backbone is tried in the background if its family was never tested, and it is small, on this machine and not
        packed: packed weights may need a GPU, which the process does not use. reference: what the sentence calls it;
        wait: for the result. Without a result, the run itself finds out.
        """
        folder = _folder_of(backbone.source)
        if folder is None or backbone.model_type in TRIED or backbone.parameters > _MOST_PARAMETERS:
            return ""
        if backbone.quantization is not None:
            return ""
        key = _digest(folder)
        if (known := self._read(key)) is not None:
            return known
        with self._lock:
            if self._current != key:
                if self._current and not self._done.is_set():
                    return ""  # one at a time: the run will find it out
                if free_bytes() < _BYTES_OF_PARAMETER * backbone.parameters:
                    return ""
                self._current, self._done = key, threading.Event()
                threading.Thread(target=self._try, args=(key, folder, reference, self._done), daemon=True).start()
            done = self._done
        if wait:
            done.wait()
        return None if not done.is_set() else self._read(key) or ""

    def _try(self, key: str, folder: Path, reference: str, done: threading.Event) -> None:
        """Tries a backbone and stores the result. Never raises."""
        try:
            problem = self._result(folder, reference)
            if problem is not None:
                with written_whole(self._folder / f"{key}.json") as staged:
                    staged.write_text(json.dumps({"problem": problem}), encoding="utf-8")
        except Exception:  # nobody may wait for ever
            _log.exception("A backbone could not be tried.")
        finally:
            done.set()

    def _result(self, folder: Path, reference: str) -> str | None:
        """Runs the process; returns its problem, or None if it ended without a result."""
        with subprocess.Popen(
            [*self._command, str(folder), reference],
            cwd=CODE_FOLDER,
            env=child_environment({"CUDA_VISIBLE_DEVICES": "", "OMP_NUM_THREADS": "1"}),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        ) as child:
            timer = threading.Timer(self._seconds, child.kill)
            timer.start()
            try:
                assert child.stdout
                last = (child.stdout.read().strip().splitlines() or [b""])[-1]
            finally:
                timer.cancel()
        with suppress(ValueError, TypeError, KeyError):
            return str(json.loads(last)["problem"])
        _log.warning("Trying a backbone ended with status %s and no result.", child.returncode)
        return None

    def _read(self, key: str) -> str | None:
        with suppress(OSError, ValueError, TypeError, KeyError):
            return str(json.loads((self._folder / f"{key}.json").read_text(encoding="utf-8"))["problem"])
        return None


def _folder_of(source: str) -> Path | None:
    """Returns the folder of a backbone's files; None if they are not on this machine."""
    return named_path(source) if is_folder(source) else cached_folder(source)


def _digest(folder: Path) -> str:
    """Returns a digest of a backbone's files (names, sizes, times) and of the versions of torch and transformers."""
    files = sorted((path.name, path.stat().st_size, path.stat().st_mtime_ns) for path in folder.iterdir())
    parts = (str(folder), files, [version(name) for name in ("torch", "transformers")])
    return hashlib.sha256(repr(parts).encode()).hexdigest()[:32]
