"""The part of Studio that shows a run to others: links to it, and what somebody who has one can see and do."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from app.access.people import Person
from app.answering.answer import Answer, OnAnswers
from app.run import Run
from app.settings import Settings
from app.views.run_view import RunView
from lamp.errors import LampError
from storage.jobs import JobStore
from storage.links import Link, LinkStore

if TYPE_CHECKING:
    from app.studio import Studio

_MOST = 20


class StudioLinks:
    """The owner of a run, and an admin, make and revoke its links."""

    settings: Settings
    _store: JobStore
    _links: LinkStore
    as_: Callable[[Person], Studio]

    def links(self, id: str) -> list[Link]:
        """The links to a run, newest first. Raises JobNotFound."""
        return self._links.of(self._store.get(id).id)

    def make_link(self, id: str) -> tuple[Link, str]:
        """A new link to a run and its secret, which is given out this once. Raises JobNotFound, LampError."""
        job = self._store.get(id)
        if not self.settings.sign_in.asks:
            raise LampError("Nobody signs in here: whoever can open the studio sees this run already.")
        if len(self._links.of(job.id)) >= _MOST:
            raise LampError(f"This run has {_MOST} links: revoke one that is no longer needed.")
        return self._links.add(job.id)

    def revoke_link(self, id: str, number: int) -> None:
        """Ends a link to a run. Raises JobNotFound, NotStored."""
        self._links.revoke(self._store.get(id).id, number)

    def linked(self, secret: str) -> LinkedRun:
        """The run that a link shows, for whoever has the link. Raises JobNotFound, as for a run that does not exist.

        This is where it is decided, at each call anew.
        """
        job = self._links.job(secret)
        return LinkedRun(self.as_(Person(job.owner)), job.id)


class LinkedRun:
    """All that can be done with a link: to look at one run, try its prompt, and take that home.

    What its owner has written about it, its log, its history and the runs beside it are not shown.
    """

    def __init__(self, studio: Studio, id: str) -> None:
        """studio: the owner's, which is handed to nobody."""
        self._studio, self._id = studio, id

    def view(self) -> RunView:
        """What the page of the run shows of it. Raises ConfigError, DataError."""
        view = self._studio.run_view(self._id)
        return replace(
            view, note="", tags=(), log="", found_log="", error=None, events=(), parent=None, changes=None, samples=()
        )

    def run(self) -> Run:
        """The run with its recipe: which columns an input has. Raises ConfigError."""
        return self._studio.run(self._id)

    def answer(
        self, input: Mapping[str, str], on_progress: Callable[[str], None], on_answers: OnAnswers | None = None
    ) -> Answer:
        """One input answered with the prompt and without it. Raises LampError, StorageError."""
        (answer,) = self._studio.try_prompt(self._id, [input], on_progress, on_answers)
        return answer

    def export(self) -> Path:
        """A zip of the prompt. Raises NotStored, WrongState."""
        return self._studio.export(self._id)
