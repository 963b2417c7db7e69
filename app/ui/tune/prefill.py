"""What the Tune page's form says when it is opened: a newcomer's recipe, another run's, or what was left there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from app.studio import Studio
from app.ui import parts
from app.ui.guard import KNOWN
from app.ui.tune import browser_storage, form_values, summary
from lamp.config import TuneConfig


@dataclass(frozen=True)
class Filled:
    """What a form says."""

    config: TuneConfig
    dataset: str
    gpus: int = 1
    words: Mapping[str, str] = field(default_factory=lambda: dict.fromkeys(browser_storage.WORDS, ""))


@dataclass(frozen=True)
class Opened:
    """A form as it is first seen."""

    filled: Filled
    note: str
    """HTML that says where the form comes from, where that is not plain."""
    parent: str
    """Id of the run that it comes from, or ""."""
    changed: bool
    """Whether a person had filled it before and can start over."""


def opened(studio: Studio, left: object, query: Mapping[str, str]) -> Opened:
    """The form at an address: ready to start, or filled from the run in `?from=`, in `?start=` with its prompt.

    left: what the browser has kept, which comes first.
    """
    way, source = browser_storage.asked(query)
    filled, run, failed = None, "", ""
    if source:
        try:
            job = studio.job(source)
            filled, run = Filled(TuneConfig.from_dict(job.config), job.dataset, job.gpus), job.name
            if way == "start":
                lamp = replace(filled.config.lamp, initial="prompt", initial_prompt=job.id)
                filled = replace(filled, config=replace(filled.config, lamp=lamp))
        except KNOWN as error:
            failed = parts.problems([str(error)])
    filled = filled or _first(studio)
    values = browser_storage.left(left, query)
    again = _of_values(values) if values else filled
    changed = again != filled
    note = failed or summary.filled_in(run, with_prompt=bool(run) and way == "start", left=changed)
    return Opened(again, note, source if run else "", changed)


def _first(studio: Studio) -> Filled:
    """What a newcomer finds."""
    backbone = next((one.reference for one in studio.backbones()), "")
    dataset = next((entry.reference for entry in studio.datasets()), "")
    config = TuneConfig(backbone=backbone)
    try:
        return Filled(replace(config, data=studio.guess_columns(dataset)), dataset)
    except KNOWN:
        return Filled(config, dataset)


def _of_values(values: Mapping[str, Any]) -> Filled:
    """What these values of a form say; what is unreadable among them is as it is by itself."""
    config, _ = form_values.draft({**values, "backbone": values.get("backbone.choice") or values.get("backbone.other")})
    gpus = values.get("gpus")
    return Filled(
        config,
        str(values.get("dataset") or ""),
        gpus if isinstance(gpus, int) else 1,
        {word: str(values.get(word) or "") for word in browser_storage.WORDS},
    )
