"""Whose turn it is: owners take turns, and within an owner priority comes first and then arrival."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Waiting:
    """A queued run, as far as its turn is concerned."""

    number: int
    owner: str
    priority: int
    ticket: int
    gpus: int


def in_turn(waiting: Iterable[Waiting], active: Mapping[str, int], last_started: Mapping[str, float]) -> list[Waiting]:
    """The queue in the order in which it will be served.

    `active`: runs that each owner has going; `last_started`: when each owner's latest run was started (any rising
    number). An owner with one run waiting is served after at most one run of every other owner, however many those
    have queued and whatever priority they gave them.
    """
    by_owner: dict[str, list[Waiting]] = defaultdict(list)
    for one in sorted(waiting, key=lambda one: (-one.priority, one.ticket, one.number)):
        by_owner[one.owner].append(one)
    turns = [
        (active.get(owner, 0) + place, last_started.get(owner, float("-inf")), one.ticket, one.number, one)
        for owner, theirs in by_owner.items()
        for place, one in enumerate(theirs)
    ]
    return [turn[-1] for turn in sorted(turns, key=lambda turn: turn[:-1])]
