"""The part of Studio that serves prompts to programs, through the API of OpenAI's clients."""

from __future__ import annotations

from concurrent.futures import Future
from dataclasses import dataclass
from datetime import datetime

from app.answering.prompt_kind import PromptKind, prompt_kind
from app.prompts.bundle import file_name
from app.run import Run
from app.serving.asked import AskedPrompt, Backbone
from app.serving.places import MOST, MOST_OF_ONE
from app.serving.servers import Lease, Servers
from app.studio_parts.prompts import StudioPrompts, check_not_deleted
from app.studio_parts.quotas import computes
from app.studio_parts.reading import NotAllowed
from lamp.data.columns import Template
from lamp.errors import DataError, LampError
from storage.errors import StorageError
from storage.jobs import Job
from storage.served import Served, ServedStore, called


class NoSuchModel(LampError):
    """No prompt that this person may ask is served under this name."""


@dataclass(frozen=True)
class ServedRun:
    """A run whose prompt is served, and how that goes."""

    job: Job
    model: str
    """What this person's programs call it"""
    columns: tuple[str, ...]
    """That an input has; empty where there is a problem"""
    kind: PromptKind | None
    """None where there is a problem"""
    vote: bool
    """Whether all prompts of the run pick the label together"""
    since: datetime
    answered: int
    """Requests since the studio's start"""
    process: Future[None] | None
    """As `Servers.process_of`"""
    problem: str = ""
    """Why its prompt cannot be read, as when its files are damaged"""


class StudioServing(StudioPrompts):
    """Whoever sees a run may ask its prompt once it is served; who asks is known by the token of their program."""

    _served: ServedStore
    _servers: Servers

    @computes
    def serve(self, id: str, *, vote: bool = False) -> None:
        """Lets programs ask the run's prompt, and begins to load its backbone. Raises LampError, StorageError.

        vote: whether all prompts of the run pick the label together.
        """
        self._check_serves()
        job = self._store.get(id)
        check_not_deleted(job)
        kind = self.prompt_kind(id)
        if vote and not kind.can_vote:
            raise DataError("There is no vote: the run has one prompt, or its prompt writes texts.")
        is_new = self._served.get(job.id) is None
        served = self._served.add(job.id, file_name(job.name), vote=vote)
        try:
            self._servers.start(self._asked_prompt(served))
        except BaseException:
            if is_new:
                self._served.remove(job.id)
            raise
        if self._served.get(job.id) is None:  # somebody has ended it meanwhile
            self._servers.revoke(job.id)

    def stop_serving(self, id: str) -> None:
        """Lets programs ask the run's prompt no longer; answers that are being written end."""
        job = self._store.get(id)
        self._served.remove(job.id)
        self._servers.revoke(job.id)

    def served(self) -> list[ServedRun]:
        """The served prompts that this person may ask, newest first."""
        among = self._served.all()
        return [self._as_seen(one, among) for one in among]

    def served_run(self, id: str) -> ServedRun | None:
        """How the run's prompt is served; None where it is not."""
        one = self._served.get(self._store.get(id).id)
        return self._as_seen(one, self._served.called(one.name)) if one else None

    def served_called(self, model: str) -> ServedRun:
        """The served prompt that a program of this person means. model: its name, or the id of its run.

        Raises NoSuchModel, and NotAllowed where no prompts are served.
        """
        one = self._called(model)
        return self._as_seen(one, self._served.called(one.name))

    @computes
    def ask_served(self, model: str, inputs: int) -> Lease:
        """A request of this person's to a served prompt; `end_asking` says when it has ended.

        model: as in `served_called`; inputs: how many the request brings. Raises LampError, StorageError.
        """
        prompt = self._asked_prompt(self._called(model))
        most = MOST_OF_ONE if self.settings.tells_people_apart else MOST
        lease = self._servers.lease(prompt, self.person.counted_as, inputs, most)
        try:
            if self._served.get(prompt.run) is None:  # ended after it was read, so that nobody knew of this lease
                self._servers.revoke(prompt.run)
                raise NoSuchModel("This prompt is not served any more.")
        except BaseException:
            self.end_asking(lease, answered=False)
            raise
        return lease

    def end_asking(self, lease: Lease, *, answered: bool) -> None:
        """The request has ended. answered: whether its client got a whole answer."""
        self._servers.give_back(lease, answered=answered)

    def close(self) -> None:
        """Ends the processes that serve, too."""
        self._servers.close()
        super().close()

    def _called(self, model: str) -> Served:
        self._check_serves()
        found = self._meant(self._served.called(model))
        if len(found) == 1:
            return found[0]
        if found:
            raise NoSuchModel(f"{len(found)} prompts are called {model!r}: give the id of the run that you mean.")
        names = [repr(one.name) for one in self._served.all()]
        more = f" and {len(names) - 20:,} more" if len(names) > 20 else ""
        instead = f"choose one of {', '.join(names[:20])}{more}" if names else "no prompt is served yet"
        raise NoSuchModel(f"There is no model {model[:100]!r} here: {instead}.")

    def _check_serves(self) -> None:
        if not self.settings.serves:
            raise NotAllowed("No prompts are served here: whoever runs the studio allows it with STUDIO_SERVE=yes.")

    def _asked_prompt(self, served: Served) -> AskedPrompt:
        """Raises NotStored, ConfigError, BackboneError."""
        run = Run.of(served.job)
        folder, source = str(self._artifacts.path(run.job.id)), self._backbones.source(run.config.backbone)
        return AskedPrompt(run.job.id, served.name, folder, _backbone_of(run), source, served.vote)

    def _as_seen(self, served: Served, among: list[Served]) -> ServedRun:
        """among: at least all that the run's name may mean."""
        job = served.job
        is_told_apart = self._meant(called(served.name, among)) == [served]
        columns: tuple[str, ...] = ()
        kind, process, problem = None, None, ""
        try:
            run = Run.of(job)
            columns = tuple(dict.fromkeys(column for _, column in Template.of(run.config.data).pairs))
            kind, process = prompt_kind(self._artifacts.path(job.id)), self._servers.process_of(_backbone_of(run))
        except (LampError, StorageError) as error:
            problem = str(error)
        except OSError as error:
            problem = f"The files of this run cannot be read now: {error.strerror or error}."
        model, answered = served.name if is_told_apart else job.id, self._servers.answered(job.id)
        return ServedRun(job, model, columns, kind, served.vote, served.since, answered, process, problem)

    def _meant(self, called: list[Served]) -> list[Served]:
        """Of several served prompts of a name, this person's own where there are some."""
        return [one for one in called if one.job.owner == self.person.name] or called


def _backbone_of(run: Run) -> Backbone:
    train = run.config.train
    return run.config.backbone, train.precision, train.quantization
