"""The lists that people have answered: at most one for each run, and one after another."""

from __future__ import annotations

import logging
import secrets
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from app.answering.answer import Request
from app.answering.answer_list import AnswerList, ListProgress
from app.answering.answerer import Answerer
from app.answering.turns import Turns
from lamp.config import DataConfig
from lamp.data.tables import Table
from lamp.errors import DataError
from storage.files import STAGED, remove

_BUSY = "The prompt is answering another list: wait for its end, or cancel it."
_log = logging.getLogger(__name__)


class AnswerLists:
    """Starts lists, each in a thread of its own, and knows how far they are."""

    def __init__(self, answerer: Answerer) -> None:
        self._answerer = answerer
        self._turns = Turns()
        """Of lists: two at once would have two backbones take turns in memory."""
        self._lock = threading.Lock()
        self._lists: dict[str, AnswerList] = {}
        """Run → its last list."""

    def start(
        self,
        run: str,
        request: Request,
        data: DataConfig,
        read: Callable[[Path], Table],
        folder: Path,
        names: tuple[str, str],
    ) -> None:
        """Begins to answer a table in the background.

        run: whose prompt answers; request: for that prompt, without inputs; data: of its recipe; read: gives the table,
        for which it may make the file that it is given; folder: for that file and the answers; names: of what is
        answered, and of the files of answers without their endings. Raises DataError while another list of the run is
        being answered, and what `read` raises.
        """
        self._check_free(run)
        folder.mkdir(parents=True, exist_ok=True)
        converted = folder / f"{STAGED}{secrets.token_hex(8)}"
        try:
            table = read(converted)
            work = AnswerList(request, data, table, folder, names[1], ListProgress(names[0], len(table.rows)))
            with self._lock:
                self._check_free(run)
                self._lists[run] = work
        except BaseException:
            remove(converted)
            raise
        threading.Thread(target=self._work, args=(work, converted), name=f"list of {run}", daemon=True).start()

    def progress(self, run: str) -> ListProgress | None:
        """How far the last list of a run is; None if there was none since the start, or its files are swept."""
        work = self._lists.get(run)
        if work is None:
            return None
        progress, canceled = work.progress, work.canceled.is_set()
        if canceled and progress.state == "waiting":
            return replace(progress, state="canceled")
        if not all(file.is_file() for file in progress.files):
            return None
        return replace(progress, stopping=canceled and progress.going)

    def cancel(self, run: str) -> None:
        """Has the list of a run end after its batch; what is answered by then is kept."""
        if work := self._lists.get(run):
            work.canceled.set()

    def close(self) -> None:
        """Cancels all lists."""
        for run in list(self._lists):
            self.cancel(run)

    def _check_free(self, run: str) -> None:
        progress = self.progress(run)
        if progress and progress.going:
            raise DataError(_BUSY)

    def _work(self, work: AnswerList, converted: Path) -> None:
        try:
            with self._turns.turn(lambda _: work.update(stage="Waiting for another list")):
                if work.canceled.is_set():
                    work.update(state="canceled")
                    return
                work.work(self._answerer)
        except Exception as error:
            _log.exception("A list could not be answered.")
            reason = getattr(error, "strerror", None) or type(error).__name__
            work.update(state="failed", stage=f"The answers cannot be written ({reason}): try it again.")
        finally:
            with suppress(OSError):
                remove(converted)
