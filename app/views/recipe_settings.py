"""A recipe as named settings in groups, and in which of them two recipes differ."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from app.run import as_read_now
from lamp.config import TuneConfig
from storage.records import Job

_GROUPS = {"data": "Data", "lamp": "Prompt", "train": "Training"}
_DEFAULTS: Mapping[str, Any] = TuneConfig().to_dict()


@dataclass(frozen=True)
class NamedSetting:
    """One setting of a recipe."""

    group: str
    name: str
    text: str
    """Its value."""


def named_settings(job: Job) -> list[NamedSetting]:
    """Every setting of a stored run, in the order of the recipe. Fields that the recipe lacks have their defaults."""
    stored = as_read_now(job.config)
    settings = [NamedSetting("Model", "Backbone", job.backbone), NamedSetting("Data", "Data set", job.dataset_name)]
    for section, group in _GROUPS.items():
        values = stored.get(section)
        for name, default in _DEFAULTS[section].items():
            value = values.get(name, default) if isinstance(values, Mapping) else default
            settings.append(NamedSetting(group, name.replace("_", " ").capitalize(), _text(value)))
    return [*settings, NamedSetting("Training", "GPUs", str(job.gpus))]


def changes(job: Job, earlier: Job) -> list[tuple[str, str, str]]:
    """(name, value before, value now) of each setting that is not the same in two runs."""
    pairs = zip(named_settings(earlier), named_settings(job), strict=True)
    return [(now.name, before.text, now.text) for before, now in pairs if before.text != now.text]


def _text(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(map(str, value)) or "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:.12g}" if isinstance(value, float) else str(value) or "–"
