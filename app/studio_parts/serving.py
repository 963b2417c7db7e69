"""The part of Studio that serves prompts to programs, through the API of OpenAI's clients."""

from __future__ import annotations

from concurrent.futures import Future
from dataclasses import dataclass
from datetime import datetime

from app.answering.prompt_kind import PromptKind
from app.prompts.bundle import file_name
from app.run import Run
from app.serving.asked import AskedPrompt
from app.serving.places import MOST, MOST_OF_ONE
from app.serving.servers import Lease, Servers
from app.studio_parts.prompts import StudioPrompts, check_not_deleted
from app.studio_parts.quotas import computes
from app.studio_parts.reading import NotAllowed
from lamp.data.columns import Template
from lamp.errors import DataError, LampError
from storage.jobs import Job
from storage.served import Served, ServedStore


class NoSuchModel(LampError):
    """No prompt that this person may ask is served under this name."""


@dataclass(frozen=True)
class ServedRun:
    """A run whose prompt is served, and how that goes."""

    job: Job
    model: str
    """What this person's programs call it"""
    columns: tuple[str, ...]
    """That an input has"""
    kind: PromptKind
    vote: bool
    """Whether all prompts of the run pick the label together"""
    since: datetime
    answered: int
    """Requests since the studio's start"""
    process: Future[None] | None
    """As `Servers.process_of`"""


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
        if vote and (kind.writes_texts or kind.voters < 2):
            raise DataError("There is no vote: the run has one prompt, or its prompt writes texts.")
        self._servers.start(self._asked_prompt(self._served.add(id, file_name(job.name), vote=vote)))

    def stop_serving(self, id: str) -> None:
        """Lets programs ask the run's prompt no longer; answers that are being written end."""
        job = self._store.get(id)
        self._served.remove(job.id)
        self._servers.revoke(job.id)

    def served(self) -> list[ServedRun]:
        """The served prompts that this person may ask, newest first."""
        return [self._as_seen(one) for one in self._served.all()]

    def served_run(self, id: str) -> ServedRun | None:
        """How the run's prompt is served; None where it is not."""
        one = self._served.get(self._store.get(id).id)
        return self._as_seen(one) if one else None

    def served_called(self, model: str) -> ServedRun:
        """The served prompt that a program of this person means. model: its name, or the id of its run.

        Raises NoSuchModel, and NotAllowed where no prompts are served.
        """
        return self._as_seen(self._called(model))

    @computes
    def ask_served(self, model: str, inputs: int) -> Lease:
        """A request of this person's to a served prompt; `end_asking` says when it has ended.

        model: as in `served_called`; inputs: how many the request brings. Raises LampError, StorageError.
        """
        prompt = self._asked_prompt(self._called(model))
        most = MOST_OF_ONE if self.settings.tells_people_apart else MOST
        return self._servers.lease(prompt, self.person.counted_as, inputs, most)

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
        train = run.config.train
        return AskedPrompt(run.job.id, served.name, folder, source, (train.precision, train.quantization), served.vote)

    def _as_seen(self, served: Served) -> ServedRun:
        """Raises NotStored, ConfigError, DataError."""
        job, prompt = served.job, self._asked_prompt(served)
        columns = tuple(dict.fromkeys(column for _, column in Template.of(Run.of(job).config.data).pairs))
        is_told_apart = self._meant(self._served.called(served.name)) == [served]
        return ServedRun(
            job,
            served.name if is_told_apart else job.id,
            columns,
            self.prompt_kind(job.id),
            served.vote,
            served.since,
            self._servers.answered(job.id),
            self._servers.process_of(prompt),
        )

    def _meant(self, called: list[Served]) -> list[Served]:
        """Of several served prompts of a name, this person's own where there are some."""
        return [one for one in called if one.job.owner == self.person.name] or called
