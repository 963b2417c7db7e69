"""The part of Studio that checks what one person may take, before any work starts."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import wraps
from typing import Concatenate, ParamSpec, Protocol, TypeVar

from app.access.people import Person
from app.access.quotas import Quotas, Used
from app.access.usage import Usage
from app.data.datasets import Datasets
from app.settings import Settings
from app.views.formatting import bytes_text
from app.views.plan import Plan
from storage.errors import OverQuota, WrongState
from storage.home import Home
from storage.jobs import JobStore
from storage.quota import too_many_waiting

_Params = ParamSpec("_Params")
_Result = TypeVar("_Result")


class _Counting(Protocol):
    def _count_request(self) -> None: ...


_Self = TypeVar("_Self", bound=_Counting)


def computes(method: Callable[Concatenate[_Self, _Params], _Result]) -> Callable[Concatenate[_Self, _Params], _Result]:
    """Marks a method of Studio that takes the processor, the network or a place in the queue: a request that counts."""

    @wraps(method)
    def counted(self: _Self, /, *args: _Params.args, **values: _Params.kwargs) -> _Result:
        self._count_request()
        return method(self, *args, **values)

    return counted


class StudioQuotas:
    """Each limit is looked at here alone, and again by the store where two requests might pass it at once."""

    settings: Settings
    person: Person
    _quotas: Quotas
    """Of this person."""
    _usage: Usage
    _store: JobStore
    _everyone: JobStore
    """Everybody's runs, for what all share: the length of the queue."""
    _home: Home
    _datasets: Datasets

    def waiting_used(self) -> Used | None:
        """How many runs of this person wait, and how many may; None where there is no limit."""
        most = self._quotas.queued
        return None if most is None else Used(self._store.own_waiting(), most)

    def storage_used(self) -> Used | None:
        """The bytes of this person's data sets, prompts and exports, and how many may be; None without a limit."""
        most = self._quotas.stored_bytes
        return None if most is None else Used(self._stored_bytes(), most)

    def upload_problem(self, size: int) -> str:
        """Why a file of this size is not taken; "" where it is."""
        most = self._quotas.upload_bytes
        if most is None or size <= most:
            return ""
        return (
            f"This file has {bytes_text(size)}, and a file may have at most {bytes_text(most)} here: "
            "take fewer rows or columns."
        )

    def _within_quotas(self, plan: Plan, steps: int) -> Plan:
        """The plan with what this person has used, and what keeps a run of so many steps from being started."""
        waiting = self.waiting_used()
        problems = self._run_problems(steps, waiting)
        return replace(
            plan,
            problems=(*plan.problems, *problems),
            fields={**plan.fields, **problems},
            estimate=None if problems else plan.estimate,
            waiting=waiting,
        )

    def _run_problems(self, steps: int, waiting: Used | None) -> dict[str, str]:
        """Why this person cannot start a run of so many steps now: sentence → key of the recipe's field, or ""."""
        problems = {}
        if self._quotas.steps is not None and steps > self._quotas.steps:
            problems[
                f"A run may have at most {self._quotas.steps:,} steps here, and this one has {steps:,}: take fewer."
            ] = "train.steps"
        if waiting is not None and waiting.used >= waiting.most:
            problems[too_many_waiting(waiting.most)] = ""
        if sentence := self._storage_problem(0):
            problems[sentence] = ""
        return problems

    def _check_run(self, steps: int = 0) -> None:
        """Raises OverQuota where this person, or WrongState where nobody, may have a further run in the queue.

        steps: of the run, 0 for one that has them already.
        """
        if problems := self._run_problems(steps, self.waiting_used()):
            raise OverQuota(" ".join(problems))
        self._check_queue()

    def _check_queue(self) -> None:
        """Raises WrongState where so many runs of all people wait that there is no room for another."""
        most = self.settings.most_queued
        if len(self._everyone.queue()) >= most:
            raise WrongState(f"{most} runs wait already: wait until some have started, or delete some of them.")

    def _check_upload(self, size: int) -> None:
        if problem := self.upload_problem(size):
            raise OverQuota(problem)

    @contextmanager
    def _room_for(self, size: int) -> Iterator[None]:
        """Keeps room for so many bytes of this person until the work is done. Raises OverQuota."""

        def check(promised: int) -> None:
            if problem := self._storage_problem(promised):
                raise OverQuota(problem)

        if self._quotas.stored_bytes is None:
            yield
        else:
            with self._usage.promised(self.person.name, size, check):
                yield

    def _storage_problem(self, more: int) -> str:
        """Why nothing, or not so many bytes, may be stored for this person; "" where they may."""
        used = self.storage_used()
        if used is None or (used.used + more <= used.most and used.used < used.most):
            return ""
        wants = f", and this takes up to {bytes_text(more)}" if used.used < used.most else ""
        return (
            f"Your data sets, prompts and exports take {bytes_text(used.used)} of the {bytes_text(used.most)} that you "
            f"may have here{wants}. Delete data sets; an export goes by itself a day after it was last used."
        )

    def _stored_bytes(self) -> int:
        runs = self._store.ids()
        return self._datasets.bytes() + sum(self._home.bytes_of(runs, part) for part in ("artifacts", "exports"))

    def _count_request(self) -> None:
        """Raises OverQuota when this person has asked too often in the last minute."""
        most = self._quotas.requests
        if most is not None and (wait := self._usage.count_request(self.person.counted_as, most)):
            times = "request" if most == 1 else "requests"
            raise OverQuota(
                f"You have made {most:,} {times} within a minute, which is the most here. "
                f"Try again in {math.ceil(wait)} seconds."
            )
