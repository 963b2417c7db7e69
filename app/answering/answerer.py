"""Answerer: the answering process as the studio uses it, started when it is wanted and ended when it is idle."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import replace

from app.answering.answer import Answer, OnAnswers, Request
from app.answering.process import COMMAND, AnsweringEnded, AnsweringProcess
from app.answering.turns import Turns

LOADING = "Loading the model"
_IDLE_SECONDS = 300.0
_SILENT_SECONDS = 600.0
"""The longest time without a word from the process: loading a large backbone from a slow disk takes minutes."""
_MOST_INPUTS = 32
"""Inputs that are answered in one turn; whoever has more waits for another turn."""


class Answerer:
    """Answers the requests of several people one after another, with one backbone in one process."""

    def __init__(
        self, command: Sequence[str] = COMMAND, idle_seconds: float = _IDLE_SECONDS, silence: float = _SILENT_SECONDS
    ) -> None:
        """command: the process's program, for tests; idle_seconds: after which it is ended; silence: as in `ask`."""
        self._command, self._idle_seconds, self._silence = command, idle_seconds, silence
        self._turns = Turns()
        self._process: AnsweringProcess | None = None
        self._source = ""
        self._loading = False
        """Whether whoever has the turn waits for the backbone."""
        self._used = 0.0
        self._timer: threading.Timer | None = None

    def answers(
        self, request: Request, on_progress: Callable[[str], None], on_answers: OnAnswers | None = None
    ) -> list[Answer]:
        """The answer to each input of a request; without inputs its backbone is made ready.

        on_progress: called with one short sentence at each stage; on_answers: with all answers as far as they are
        written. Raises LampError in one sentence, after which the next request is answered as any other.
        """
        done: list[Answer] = []
        report = on_answers and (lambda growing: on_answers([*done, *growing]))
        for start in range(0, max(1, len(request.inputs)), _MOST_INPUTS):
            turn = slice(start, start + _MOST_INPUTS)
            part = replace(
                request, inputs=request.inputs[turn], expected=request.expected[turn], growing=report is not None
            )
            done += self._in_turn(part, on_progress, report)
        return done

    def close(self) -> None:
        """Ends the process, whatever it is doing."""
        if self._process is not None:
            self._process.end()

    def _in_turn(
        self, request: Request, on_progress: Callable[[str], None], on_answers: OnAnswers | None
    ) -> list[Answer]:
        with self._turns.turn(lambda ahead: on_progress(self._waiting(ahead))):
            try:
                return self._ready(request.source, on_progress).ask(
                    request, lambda stage: self._on_stage(stage, on_progress), on_answers, self._silence
                )
            except AnsweringEnded:
                self._end()
                raise
            finally:
                self._loading, self._used = False, time.monotonic()
                self._end_later()

    def _ready(self, source: str, on_progress: Callable[[str], None]) -> AnsweringProcess:
        """A process for this backbone: that of the last request, or a new one."""
        if self._process is None or self._source != source or not self._process.alive:
            self._end()  # first: two backbones may not fit beside each other
            self._on_stage(LOADING, on_progress)
            self._process, self._source = AnsweringProcess(self._command), source
        return self._process

    def _on_stage(self, stage: str, on_progress: Callable[[str], None]) -> None:
        self._loading = stage == LOADING
        on_progress(stage)

    def _waiting(self, ahead: int) -> str:
        if self._loading:
            return LOADING
        return f"Waiting for {'another request' if ahead == 1 else f'{ahead} other requests'}"

    def _end_later(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = threading.Timer(self._idle_seconds, self._end_if_idle)
        self._timer.daemon = True
        self._timer.start()

    def _end_if_idle(self) -> None:
        with self._turns.turn():
            if time.monotonic() - self._used >= self._idle_seconds:
                self._end()

    def _end(self) -> None:
        if self._process is not None:
            self._process.end()
            self._process = None
