"""The thread that computes: takes what waits, writes all texts in one batch, and scores labels between two steps."""

from __future__ import annotations

import sys
import threading
import traceback
from collections import defaultdict, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from lamp.backbone.out_of_memory import is_out_of_memory
from lamp.errors import LampError, OutOfMemory
from lamp.inference.continuous import ContinuousWriter
from lamp.inference.growing_answer import GrowingAnswer, OnPiece, TextInput
from lamp.inference.predict import Prediction, predict, predict_by_vote
from lamp.serving.prompts import ServedPrompt, ServedPrompts
from lamp.serving.refusal import Refusal, too_little_memory

_FAILED = "The server failed to answer: its log says why."
_ROWS_ON_CPU, _ROWS_ON_GPU = 16, 64


class Listener(Protocol):
    """Who waits for an answer; called from the engine's thread."""

    @property
    def on_piece(self) -> OnPiece:
        """Called with each piece of a text."""

    def on_end(self, answer: GrowingAnswer | Prediction) -> None:
        """Called with the whole answer."""

    def on_failure(self, refusal: Refusal) -> None:
        """Called when there will be none."""


@dataclass(eq=False)
class Job:
    """One input of a prompt, to be answered."""

    prompt: ServedPrompt
    given: TextInput
    listener: Listener
    cancelled: bool = False
    growing: GrowingAnswer | None = None
    """The text while it is written."""

    def cancel(self) -> None:
        """Nobody waits any more: its place in the batch is free from the next step on. From any thread."""
        self.cancelled = True
        if self.growing is not None:
            self.growing.cancelled = True


class Engine:
    """Answers jobs in the order in which they come."""

    def __init__(self, prompts: ServedPrompts, most_rows: int | None, most_waiting: int) -> None:
        """most_rows: texts that are written at a time; by default as many as usually pay on the backbone's device.

        most_waiting: jobs that may wait for their turn.
        """
        self._backbone, self._turns, self._most_waiting = prompts.backbone, prompts.turns, most_waiting
        usual = _ROWS_ON_CPU if prompts.backbone.device.type == "cpu" else _ROWS_ON_GPU
        self.most_rows = most_rows or usual
        self._writer = ContinuousWriter(prompts.backbone, next(iter(prompts)).encoder)
        self._changed = threading.Condition()
        """Guards what waits, and whether the engine is closed; the rest belongs to the thread."""
        self._waiting: deque[Job] = deque()
        self._running: dict[GrowingAnswer, Job] = {}
        self._closed = False
        self._thread = threading.Thread(target=self._run, name="engine", daemon=True)
        self._thread.start()

    @property
    def joins(self) -> bool:
        """Whether a text may begin beside others that are being written."""
        return self._writer.joins

    @property
    def load(self) -> tuple[int, int]:
        """How many texts are being written, and how many jobs wait."""
        return len(self._running), len(self._waiting)

    def submit(self, jobs: Sequence[Job]) -> None:
        """Lets all of these jobs wait for their turn, or raises a Refusal and takes none of them."""
        with self._changed:
            if self._closed:
                raise _closing()
            waiting = sum(not job.cancelled for job in self._waiting)
            if waiting + len(jobs) > self._most_waiting:
                raise Refusal(
                    429,
                    f"{waiting:,} inputs wait already, and {self._most_waiting:,} may: ask again in a moment.",
                    code="queue_full",
                )
            self._waiting += jobs
            self._changed.notify()

    def close(self) -> None:
        """Ends the thread after its step; what it has not answered fails."""
        with self._changed:
            self._closed = True
            self._changed.notify()
        self._thread.join()

    def _run(self) -> None:
        while True:
            with self._changed:
                while not (self._waiting or self._running or self._closed):
                    self._changed.wait()
                if self._closed:
                    break
            try:
                with self._turns:
                    self._turn()
            except Exception as error:  # whatever one request does, the next ones are answered
                self._fail(list(self._running.values()), error)
                self._writer.clear()
        for job in [*self._running.values(), *self._waiting]:
            if not job.cancelled:
                job.listener.on_failure(_closing())

    def _turn(self) -> None:
        """Scores the labels that wait, lets texts begin, and writes one token of every text."""
        labels, texts = self._next_jobs()
        for group in labels:
            self._attempt(group, self._score)
        if texts:
            begins = self._writer.joins and self._writer.has_room(_growing(texts[0]))
            self._attempt(texts, self._begin if begins else self._write_to_the_end)
        if self._writer.answers:
            self._writer.step()
        for text in [text for text in self._running if text.ended]:
            del self._running[text]

    def _next_jobs(self) -> tuple[list[list[Job]], list[Job]]:
        """Label jobs, in groups that can be scored together, and texts that begin now. No text overtakes another."""
        groups: dict[object, list[Job]] = defaultdict(list)
        texts: list[Job] = []
        with self._changed:
            waiting, full = [job for job in self._waiting if not job.cancelled], False
            self._waiting.clear()
            for job in waiting:
                if job.prompt.voters:
                    groups[job.prompt.voters].append(job)
                elif job.prompt.saved.labels:
                    groups[job.prompt.saved.labels, job.prompt.encoder.chat].append(job)
                elif full or not self._takes(job, texts):
                    full = True
                    self._waiting.append(job)
                else:
                    texts.append(job)
        return list(groups.values()), texts

    def _takes(self, job: Job, beside: Sequence[Job]) -> bool:
        """Whether a text begins now, beside those that begin as well; then it is one of those that run."""
        text = GrowingAnswer(self._backbone, job.given, job.listener.on_piece, job.listener.on_end)
        room = len(self._running) < self.most_rows and self._writer.has_room(text, [_growing(one) for one in beside])
        if self._running and not room:  # what finds no room by itself is written alone
            return False
        job.growing = text
        text.cancelled = job.cancelled  # after the line above, as `cancel` sets both in the other order
        self._running[text] = job
        return True

    def _attempt(self, jobs: Sequence[Job], work: Callable[[Sequence[Job]], None]) -> None:
        """Does work for jobs. Where it fails for all, each half is tried, so that only those to blame get no answer."""
        try:
            work(jobs)
        except Exception as error:
            begun = any(job.growing is not None and job.growing.tokens for job in jobs)
            if len(jobs) == 1 or begun:
                self._fail(jobs, error)
                return
            middle = len(jobs) // 2
            self._attempt(jobs[:middle], work)
            self._attempt(jobs[middle:], work)

    def _score(self, jobs: Sequence[Job]) -> None:
        prompt, ids = jobs[0].prompt, [job.given.ids for job in jobs]
        labels = prompt.saved.labels
        if prompt.voters:
            answers = predict_by_vote(self._backbone, prompt.voters, prompt.encoder, ids, labels)
        else:
            prefixes = [job.given.prefix for job in jobs]
            answers = predict(self._backbone, prefixes, prompt.encoder, ids, labels)
        for job, answer in zip(jobs, answers, strict=True):
            job.listener.on_end(answer)

    def _begin(self, jobs: Sequence[Job]) -> None:
        self._writer.begin([_growing(job) for job in jobs])

    def _write_to_the_end(self, jobs: Sequence[Job]) -> None:
        self._writer.write_to_the_end([_growing(job) for job in jobs])

    def _fail(self, jobs: Sequence[Job], error: Exception) -> None:
        """Tells everybody who still waits for one of these jobs why there is no answer."""
        if is_out_of_memory(error) or isinstance(error, OutOfMemory):
            refusal = too_little_memory()
        elif isinstance(error, LampError):
            refusal = Refusal(400, str(error))
        else:
            traceback.print_exception(error, file=sys.stderr)
            refusal = Refusal(500, _FAILED)
        for job in jobs:
            if job.growing is None or not job.growing.ended:
                job.cancel()
                job.listener.on_failure(refusal)


def _growing(job: Job) -> GrowingAnswer:
    assert job.growing is not None
    return job.growing


def _closing() -> Refusal:
    return Refusal(503, "The server is ending: ask again when it is back.", code="closing")
