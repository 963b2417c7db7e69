"""The part of Studio that knows who asks: the one place where it is decided what a person sees."""

from __future__ import annotations

import logging
import re
import threading
from copy import copy
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Self, cast

from app.access.people import THE_ONE, Person
from app.access.quotas import UNLIMITED, Quotas
from app.access.usage import Usage
from app.answering.answer_lists import AnswerLists
from app.answering.answerer import Answerer
from app.backbones.models import Models
from app.backbones.registry import Backbones
from app.backbones.stored import StoredBackbones
from app.data.datasets import Datasets
from app.hub.downloads import Downloads
from app.jobs import webhook
from app.planning.recipes import Recipes
from app.planning.shared_tools import SharedTools
from app.prompts.exports import Exports
from app.serving.servers import Servers
from app.settings import Settings
from app.studio_parts.demo import VisitedStudio
from app.studio_parts.reading import READS, READS_ONLY, Allowed
from app.studio_parts.shared_views import SharedViews
from storage.accounts import AccountStore
from storage.database import Database
from storage.jobs import JobStore
from storage.links import LinkStore
from storage.served import ServedStore
from storage.shared_files import open_files
from storage.tokens import TokenStore

if TYPE_CHECKING:
    from app.studio import Studio

_log = logging.getLogger(__name__)
_MOST_BOUND = 256
"""People whose studio is kept ready; another person's is made again, without loss."""


class StudioOfPerson:
    """A studio and the person it works for. Everything that it reads and writes comes from stores that are theirs."""

    def __init__(self, settings: Settings, database: Database) -> None:
        self.settings, self._database = settings, database
        self._everyone = JobStore(database, webhook.on_end(settings, _log.warning))
        self._files = open_files(settings.home, settings.files, self._everyone.course)
        self._home, self._artifacts, self._answerer = self._files.home, self._files.artifacts, Answerer()
        self._lists, self._usage = AnswerLists(self._answerer), Usage()
        self._exports, self._tokens, self._links = Exports(), TokenStore(database), LinkStore(database)
        self._accounts, self._servers = AccountStore(database), Servers()
        self._tools = SharedTools(settings, self._everyone)
        self.downloads = Downloads()
        self._bound: dict[Person, Self] = {}
        self._lock = threading.Lock()
        self._open_for(THE_ONE)

    def as_(self, person: Person) -> Self:
        """The studio for one person: the runs and data sets of others do not exist in it, unless they are an admin's.

        What all people share (the queue's order, devices, models, the process that answers) is the same in each. Where
        the person only reads, everything but reading is refused in it; in a demo everything but looking and trying.
        """
        if person == self.person:
            return self
        with self._lock:
            bound = self._bound.pop(person, None)
            if bound is None:
                bound = copy(self)
                bound._open_for(person)
                if person.reads_only:
                    bound = cast(Self, Allowed(bound, READS, READS_ONLY))
                if self.settings.demo:
                    bound = cast(Self, VisitedStudio(cast("Studio", bound)))
            self._bound[person] = bound
            if len(self._bound) > _MOST_BOUND:
                self._bound.pop(next(iter(self._bound)))
        return cast(Self, bound.asked_from(person.address)) if isinstance(bound, VisitedStudio) else bound

    def _open_for(self, person: Person) -> None:
        """Makes everything that depends on who asks. Nothing behind this line sees more than `owner` does."""
        self.person, self._quotas = person, UNLIMITED if person.is_admin else self.settings.quotas
        if self.settings.demo:  # visitors add nothing of which there could be too much
            self._quotas = Quotas(requests=self._quotas.requests)
        # Visitors of a demo see what its keeper has: the admins' runs, and what belongs to the one person.
        also = self.settings.sign_in.admins if self.settings.demo else frozenset[str]()
        owner = replace(person.owner, most_queued=self._quotas.queued, also=also)
        self._store = JobStore(self._database, webhook.on_end(self.settings, _log.warning), owner)
        self._served = ServedStore(self._database, owner)
        self._datasets = Datasets(self._files.uploads(self._database, owner))
        self._backbones = Backbones(self.settings, folders_allowed=person.is_admin and not self.settings.on_space)
        self._recipes = Recipes(
            self.settings, self._datasets, self._backbones, self._store, self._artifacts, self._tools
        )
        stored = StoredBackbones(self.settings, self._everyone, removable=person.is_admin)
        self.models = Models(self._backbones, stored, self.downloads)
        self._views = SharedViews()

    def may_download(self, path: Path) -> bool:
        """Whether a file was made for this person to take home, from a run that they see. It may not exist."""
        exports = (self._home.root / "exports").resolve()
        path = path.resolve()
        if not path.is_relative_to(exports) or path == exports:
            return False
        id = re.split(r"[.-]", path.relative_to(exports).parts[0])[0]  # of "<run>", "<run>.2", "<run>-answers"
        return self._store.exists(id)
