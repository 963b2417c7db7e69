"""Runs lamp.hub.download in a process of its own, which can be ended at any moment and continued later."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Callable

from app.processes.child_environment import CODE_FOLDER, child_environment
from lamp.errors import BackboneError
from lamp.hub.download import OnBytes

_CHECK_SECONDS = 0.2


def run_download(reference: str, on_bytes: OnBytes, should_stop: Callable[[], bool]) -> bool:
    """Downloads a backbone; returns False if it was ended because `should_stop` returned True.

    Raises BackboneError. on_bytes: called in another thread.
    """
    process = subprocess.Popen(
        [sys.executable, "-m", "lamp.hub.download", reference],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        cwd=CODE_FOLDER,
        env=child_environment(with_token=True),
    )
    last: dict[str, str] = {}
    reader = threading.Thread(target=_read, args=(process, on_bytes, last), daemon=True)
    reader.start()
    try:
        while reader.is_alive():
            reader.join(_CHECK_SECONDS)
            if should_stop():
                return False
        if process.wait() == 0:
            return True
    finally:
        process.kill()
        process.wait()
    raise BackboneError(
        last.get("error") or f"The download of {reference!r} ended before it was whole: start it again; it goes on."
    )


def _read(process: subprocess.Popen[str], on_bytes: OnBytes, last: dict[str, str]) -> None:
    """Reads the process's lines; `last` gets the error."""
    assert process.stdout is not None
    with process.stdout as lines:
        for line in lines:
            try:
                values = json.loads(line)
            except ValueError:
                continue  # a line of a library
            if "total" in values:
                on_bytes(values["done"], values["total"])
            elif "error" in values:
                last["error"] = values["error"]
