"""A studio as the visitors of a demo have it: they look at its runs and try their prompts, and change nothing."""

from __future__ import annotations

from copy import copy
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from app.access.people import Person
from app.settings import Settings
from app.studio_parts.reading import READS, Allowed
from app.views.plan import Plan

if TYPE_CHECKING:
    from app.studio import Studio

VISITOR = Person("")
"""Everybody who comes to a demo: nobody signs in there."""
MAY = (READS | {"models"}) - {"linked", "look_up_dataset", "search_hub"}
"""What visitors may ask of `Studio`: what reads, but for what only leads to more than that."""
_MAY_OF_MODELS = frozenset(("search", "missing", "download_of", "stored"))


def only_a_demo(settings: Settings) -> str:
    """What visitors are told who ask for more than looking and trying."""
    instead = "Duplicate this Space" if settings.space else "Start a studio of your own"
    return f"This studio is a demo: nothing can be started, uploaded or changed here. {instead} to train."


def duplicate_address(settings: Settings) -> str:
    """Where the Hub makes a copy of this Space; "" elsewhere."""
    return f"https://huggingface.co/spaces/{settings.space}?duplicate=true" if settings.space else ""


class VisitedStudio(Allowed):
    """A studio as visitors have it."""

    def __init__(self, studio: Studio) -> None:
        super().__init__(studio, MAY, only_a_demo(studio.settings))
        self._studio = studio
        self.models = Allowed(studio.models, _MAY_OF_MODELS, self._refusal)

    def asked_from(self, address: str) -> VisitedStudio:
        """The same for visitors who come from there: each address has a limit of its own."""
        studio = copy(self._studio)
        studio.person = replace(VISITOR, address=address)
        return VisitedStudio(studio)

    def plan(self, *args: Any, **values: Any) -> Plan:
        """What the recipe would read and train, and that it is not started here."""
        plan = self._studio.plan(*args, **values)
        return replace(plan, problems=(self._refusal,), fields={self._refusal: ""}, estimate=None, closed=self._refusal)

    def listed(self, *args: Any, deleted: bool = False, **values: Any) -> list[Any]:
        """Runs in an order; nobody sees what the studio's keeper has deleted."""
        return [] if deleted else self._studio.listed(*args, **values)

    def upload_problem(self, size: int) -> str:
        """Why no file is taken."""
        return self._refusal
