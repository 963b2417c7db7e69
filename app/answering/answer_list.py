"""The rows of one file or list, answered in small batches, between which other requests get their turn."""

from __future__ import annotations

import os
import threading
import time
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path
from typing import Any, Literal, TextIO

from app.answering.answer import Answer, Request
from app.answering.answerer import Answerer
from app.answering.list_files import write_csv, write_row
from lamp.config import DataConfig
from lamp.data.columns import Template
from lamp.data.tables import Table
from lamp.errors import LampError
from storage.files import whole

_FIRST_BATCH, _LARGEST_BATCH = 4, 32
_BATCH_SECONDS = 1.0
"""About how long anybody else waits for a batch."""

State = Literal["waiting", "answering", "done", "canceled", "failed"]


@dataclass(frozen=True)
class ListProgress:
    """How far a list is."""

    source: str
    """The name of the file; "" for pasted lines."""
    rows: int
    state: State = "waiting"
    stage: str = ""
    """What is done now, in a few words; why it failed, in a sentence."""
    answered: int = 0
    """Rows that are done, those without an input among them."""
    without_input: int = 0
    cut: int = 0
    """Rows of which only a part was read because they are too long."""
    seconds_left: float | None = None
    stopping: bool = False
    """Whether it was canceled and only ends its batch."""
    files: tuple[Path, ...] = ()
    """The answers as CSV and as JSON Lines, once there are any and the work has ended."""

    @property
    def going(self) -> bool:
        """Whether there is still work to do."""
        return self.state in ("waiting", "answering")


@dataclass
class AnswerList:
    """The work on one list."""

    request: Request
    """Without inputs."""
    data: DataConfig
    table: Table
    folder: Path
    """Where its files are made."""
    name: str
    """What its files are called, without their endings."""
    progress: ListProgress
    """Replaced and never changed, so that other threads may read it."""
    canceled: threading.Event = field(default_factory=threading.Event)

    def update(self, **values: Any) -> None:
        """Replaces fields of `progress`."""
        self.progress = replace(self.progress, **values)

    def work(self, answerer: Answerer) -> None:
        """Answers all rows, or as many as come before it is canceled or fails, and makes the files. Raises OSError."""
        state, sentence = "done", ""
        names = f"{self.name}.csv", f"{self.name}.jsonl"
        with whole(self.folder, names[1]) as staged, staged.open("w", encoding="utf-8", errors="replace") as lines:
            try:
                self._answer_rows(answerer, lines)
            except LampError as error:
                state, sentence = "failed", str(error)
        if self.canceled.is_set() and self.progress.answered < self.progress.rows:
            state, sentence = "canceled", ""
        with whole(self.folder, names[0]) as staged:
            write_csv(self.folder / names[1], self.table.columns, staged)
        files = tuple(self.folder / name for name in names) if self.progress.answered else ()
        self.update(state=state, stage=sentence, files=files)

    def _answer_rows(self, answerer: Answerer, lines: TextIO) -> None:
        self.update(state="answering")
        answerer.answers(self.request, self._on_stage)  # so that the time of loading is not taken for that of rows
        rows, size, began = iter(self.table.rows), _FIRST_BATCH, time.monotonic()
        while not self.canceled.is_set() and (batch := list(islice(rows, size))):
            start = time.monotonic()
            answers = self._answer_batch(answerer, batch)
            for number, (row, answer) in enumerate(zip(batch, answers, strict=True), self.progress.answered + 1):
                write_row(lines, number, row, answer)
            took, done = time.monotonic() - start, self.progress.answered + len(batch)
            self.update(
                answered=done,
                without_input=self.progress.without_input + answers.count(None),
                cut=self.progress.cut + sum(answer is not None and answer.cut_to is not None for answer in answers),
                seconds_left=(time.monotonic() - began) / done * (self.progress.rows - done),
            )
            size = min(_LARGEST_BATCH, 2 * size) if took < _BATCH_SECONDS / 2 else size
            size = max(1, size // 2) if took > 2 * _BATCH_SECONDS else size
            os.utime(self.folder)  # whatever is a day old is swept, and a long list may take longer

    def _answer_batch(self, answerer: Answerer, batch: list[dict[str, str]]) -> list[Answer | None]:
        """An answer to each row; None for those without an input."""
        template = Template.of(self.data)
        filled = [row for row in batch if template.has_input(row)]
        if not filled:
            return [None] * len(batch)
        inputs = tuple({column: row[column] for column in self.data.input_columns} for row in filled)
        try:
            answers = iter(answerer.answers(replace(self.request, inputs=inputs), self._on_stage))
        except LampError:
            if len(inputs) == 1 or self.canceled.is_set():
                raise
            one_by_one = [answerer.answers(replace(self.request, inputs=(row,)), self._on_stage)[0] for row in inputs]
            answers = iter(one_by_one)  # what is too much for the memory together may fit row by row
        return [next(answers) if template.has_input(row) else None for row in batch]

    def _on_stage(self, stage: str) -> None:
        self.update(stage=stage)
