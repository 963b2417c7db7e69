"""A recipe as named settings in groups, and the settings in which two recipes differ."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from app.run import as_read_now
from lamp.config import TuneConfig
from storage.records import Job

_GROUPS = {"data": "Data", "lamp": "Prompt", "train": "Training"}
_DEFAULTS: Mapping[str, Any] = TuneConfig().to_dict()
_NAMES = (
    ("Model", "Backbone"),
    ("Data", "Data set"),
    *(
        (group, field.replace("_", " ").capitalize())
        for section, group in _GROUPS.items()
        for field in _DEFAULTS[section]
    ),
    ("Training", "GPUs"),
)
"""(group, name) of every setting, in the order in which people are shown them."""


@dataclass(frozen=True)
class NamedSetting:
    """One setting of a recipe."""

    group: str
    name: str
    text: str
    """Its value, as text."""


def named_settings(job: Job) -> list[NamedSetting]:
    """Every setting of a stored run, in the order of the recipe. Fields that the recipe lacks have their defaults."""
    return [NamedSetting(group, name, _text(value)) for (group, name), value in zip(_NAMES, _values(job), strict=True)]


def changes(job: Job, earlier: Job) -> list[tuple[str, str, str]]:
    """(name, value before, value now) of each setting that is not the same in two runs."""
    pairs = zip(_NAMES, _values(earlier), _values(job), strict=True)
    return [(name, _text(before), _text(now)) for (_, name), before, now in pairs if before != now]


def _values(job: Job) -> list[Any]:
    """Returns the values of the settings in `_NAMES`."""
    stored = as_read_now(job.config)
    values: list[Any] = [job.backbone, job.dataset_name]
    for section in _GROUPS:
        given = stored.get(section)
        known = given if isinstance(given, Mapping) else {}
        values += [known.get(name, default) for name, default in _DEFAULTS[section].items()]
    return [*values, job.gpus]


def _text(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(map(str, value)) or "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:.12g}" if isinstance(value, float) else str(value) or "–"
