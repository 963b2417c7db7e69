"""A studio as the visitors of a demo have it: they look at its runs and try their prompts, and change nothing."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from app.people import Person
from app.plan import Plan
from app.settings import Settings
from lamp.errors import LampError

if TYPE_CHECKING:
    from app.studio import Studio

VISITOR = Person("")
"""Everybody who comes to a demo: nobody signs in there."""
MAY = frozenset(
    [
        "backbones",
        "beside",
        "card",
        "compare",
        "comparison",
        "curve",
        "dataset",
        "datasets",
        "disk_use",
        "ended_since",
        "export",
        "export_bytes",
        "export_state",
        "first_rows",
        "guess_columns",
        "inspection",
        "job",
        "jobs",
        "latest_metrics",
        "learned_from",
        "licence",
        "list_progress",
        "listed",
        "log_file",
        "may_download",
        "models",
        "most_gpus",
        "numbered_row",
        "person",
        "plan",
        "prompt_kind",
        "prompt_use",
        "prompts",
        "proposed_instruction",
        "published_recipe",
        "random_row",
        "recipe_file",
        "results",
        "results_file",
        "run",
        "run_view",
        "samples",
        "search_log",
        "seconds_of_ways",
        "settings",
        "sheets",
        "storage_used",
        "takes_folders",
        "tested_row",
        "token_weights",
        "try_prompt",
        "upload_problem",
        "usual_seconds",
        "vitals",
        "waiting_used",
        "warm_up",
        "worth",
        "worth_file",
    ]
)
"""What visitors may ask of `Studio`. What is not named here is refused, so that a new method is."""
_MAY_OF_MODELS = frozenset(("search", "missing", "download_of", "stored"))


class OnlyADemo(LampError):
    """A visitor asked for what a demo does not do."""


def only_a_demo(settings: Settings) -> str:
    """What visitors are told who ask for more than looking and trying."""
    instead = "Duplicate this Space" if settings.space else "Start a studio of your own"
    return f"This studio is a demo: nothing can be started, uploaded or changed here. {instead} to train."


def duplicate_address(settings: Settings) -> str:
    """Where the Hub makes a copy of this Space; "" elsewhere."""
    return f"https://huggingface.co/spaces/{settings.space}?duplicate=true" if settings.space else ""


class _Visited:
    """A part of a studio of which visitors may ask what is named and nothing else."""

    def __init__(self, part: object, may: frozenset[str], refusal: str) -> None:
        self._part, self._may, self._refusal = part, may, refusal

    def __getattr__(self, name: str) -> Any:
        if name not in self._may:
            raise OnlyADemo(self._refusal)
        return getattr(self._part, name)


class VisitedStudio(_Visited):
    """A studio as visitors have it."""

    def __init__(self, studio: Studio) -> None:
        super().__init__(studio, MAY, only_a_demo(studio.settings))
        self._studio = studio
        self.models = _Visited(studio.models, _MAY_OF_MODELS, self._refusal)

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
