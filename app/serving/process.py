"""One serving process, from its parent's side: starts it, waits until its model is loaded, and ends it."""

from __future__ import annotations

import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Sequence
from concurrent.futures import Future
from contextlib import suppress
from pathlib import Path

from app.processes.child_environment import CODE_FOLDER, child_environment
from app.processes.child_message import message_in
from app.serving.asked import AskedPrompt
from app.serving.child import TOO_LITTLE_MEMORY
from lamp.errors import LampError

COMMAND = (sys.executable, "-m", "app.serving.child")
_WAITING = 1024
"""Connections that the system keeps until the process takes them."""


class NotServing(LampError):
    """The process answers nothing, and why."""


class ServingProcess:
    """A child process that answers over a socket which no other user of the machine reaches."""

    def __init__(self, first: AskedPrompt, command: Sequence[str] = COMMAND) -> None:
        """Starts it, with the backbone of a prompt. Raises NotServing."""
        self._ended = False
        self._folder = Path(tempfile.mkdtemp(prefix="lamp-"))
        self.path = str(self._folder / "socket")
        self.ready: Future[None] = Future()
        """Done once the model is loaded; NotServing when it cannot be, or when the process has ended before."""
        try:
            with socket.socket(socket.AF_UNIX) as listener:
                listener.bind(self.path)
                listener.listen(_WAITING)
                self._child = subprocess.Popen(
                    [*command, str(listener.fileno())],
                    cwd=CODE_FOLDER,
                    env=child_environment(),
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    pass_fds=(listener.fileno(),),
                    text=True,
                    encoding="utf-8",
                    errors="replace",
                    start_new_session=True,  # Ctrl+C in the server's terminal is for the server, whose end it notices
                )
        except OSError as error:
            shutil.rmtree(self._folder, ignore_errors=True)
            raise NotServing(f"The model cannot be loaded now ({error.strerror or error}): try it again.") from error
        threading.Thread(target=self._follow, args=(first,), name="serving", daemon=True).start()

    @property
    def alive(self) -> bool:
        """Whether it answers, or will."""
        return self._child.poll() is None

    def end(self) -> None:
        """Ends it at once; it has nothing to save."""
        self._ended = True
        self._child.kill()

    def _follow(self, first: AskedPrompt) -> None:
        """Waits for its end, and notes what it tells before."""
        assert self._child.stdin and self._child.stdout
        problem = ""
        with suppress(OSError), self._child.stdin as own:  # it may have ended before it has read
            own.write(first.as_text() + "\n")
            own.flush()
            for line in self._child.stdout:
                said = message_in(line)
                if "ready" in said:
                    self.ready.set_result(None)
                problem = str(said.get("problem", problem))
        status = self._child.wait()
        self._child.stdout.close()
        shutil.rmtree(self._folder, ignore_errors=True)
        if not self.ready.done():
            killed = status in (-signal.SIGKILL, -signal.SIGABRT)  # by the system, or when it could not have more
            ended = TOO_LITTLE_MEMORY if killed else "The model could not be loaded; the studio's log may say why."
            if self._ended:
                ended = "The studio has ended the model while it was loaded: ask again."
            self.ready.set_exception(NotServing(problem or ended))
