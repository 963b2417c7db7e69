"""One answering process, from its parent's side: starts it, hands it requests one at a time, and ends it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from queue import Empty, SimpleQueue
from typing import Any

from app.answering.answer import CANCEL, Answer, OnAnswers, Request
from app.processes.child_environment import CODE_FOLDER, child_environment
from lamp.errors import LampError

COMMAND = (sys.executable, "-m", "app.answering.child")
_OUT_OF_MEMORY = "There is not enough memory to try this prompt now: wait until the runs have ended, or stop one."


class AnsweringEnded(LampError):
    """The process is of no use any more; the next request wants a new one."""


class AnsweringProcess:
    """A child process that keeps one backbone in memory. One thread at a time may ask it."""

    def __init__(self, command: Sequence[str] = COMMAND) -> None:
        """Starts it; it is ready for requests at once, and reads them when it is. Raises LampError."""
        own, theirs = os.pipe()
        try:
            self._child = subprocess.Popen(
                [*command, str(theirs)],
                cwd=CODE_FOLDER,
                env=child_environment(),
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,  # answers have a pipe of their own, where no library prints
                pass_fds=(theirs,),
                start_new_session=True,  # Ctrl+C in the server's terminal is for the server, whose end it notices
            )
        except OSError as error:
            os.close(own)
            raise LampError(f"The model cannot be loaded now ({error.strerror}): try it again.") from error
        finally:
            os.close(theirs)
        self._lines: SimpleQueue[str | None] = SimpleQueue()
        """What it writes, line by line; None once it has ended."""
        threading.Thread(target=self._read, args=(own,), name="answers", daemon=True).start()

    @property
    def alive(self) -> bool:
        """Whether it can be asked."""
        return self._child.poll() is None

    def ask(
        self, request: Request, on_stage: Callable[[str], None], on_answers: OnAnswers | None, silence: float
    ) -> list[Answer]:
        """Its answers to one request.

        silence: seconds without a word after which it is ended. Raises AnsweringEnded when it has ended, and LampError
        when it goes on without having answered.
        """
        self._write(json.dumps(request.as_dict()) + "\n")
        while "answers" not in (message := self._next(silence)):
            if "error" in message:
                raise LampError(message["error"])
            try:
                if "stage" in message:
                    on_stage(message["stage"])
                elif on_answers is not None:
                    on_answers([Answer(**values) for values in message["growing"]])
            except BaseException:  # whoever asked does not listen any more
                self._write(CANCEL)
                while not {"answers", "error"} & self._next(silence).keys():
                    continue
                raise
        return [Answer(**values) for values in message["answers"]]

    def end(self) -> None:
        """Ends it at once; it has nothing to save."""
        self._child.kill()
        self._child.wait()
        if self._child.stdin is not None:
            try:
                self._child.stdin.close()
            except OSError:  # what was still to be written has no reader any more
                return

    def _write(self, line: str) -> None:
        """Sends a line. Raises AnsweringEnded."""
        try:
            assert self._child.stdin is not None
            self._child.stdin.write(line.encode())
            self._child.stdin.flush()
        except OSError as error:
            raise self._ended() from error

    def _next(self, silence: float) -> dict[str, Any]:
        """What it says next, within `silence` seconds. Raises AnsweringEnded."""
        try:
            line = self._lines.get(timeout=silence)
        except Empty:
            self.end()
            raise AnsweringEnded(
                f"No answer came within {silence / 60:.0f} minutes, so that this try was ended: try a shorter input, "
                "or wait until the runs have ended."
            ) from None
        if line is None:
            raise self._ended()
        message: dict[str, Any] = json.loads(line)
        if message.get("out_of_memory"):
            self.end()
            raise AnsweringEnded(_OUT_OF_MEMORY)
        return message

    def _read(self, descriptor: int) -> None:
        with os.fdopen(descriptor, encoding="utf-8") as lines:
            for line in lines:
                self._lines.put(line)
        self._lines.put(None)

    def _ended(self) -> AnsweringEnded:
        """Why it has ended by itself, as far as that is known."""
        try:
            status = self._child.wait(timeout=5)
        except subprocess.TimeoutExpired:
            status = 0
        self.end()
        if status in (-signal.SIGKILL, -signal.SIGABRT):  # by the system, or by itself when it could not have more
            return AnsweringEnded(_OUT_OF_MEMORY)
        return AnsweringEnded("The model ended while it was answering, for a reason that it could not say: try again.")
