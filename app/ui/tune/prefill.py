"""What the Tune page's form holds when it is opened: a draft, another run's recipe, or a recipe for newcomers."""

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
class FormContent:
    """Everything that a person can fill in."""

    config: TuneConfig
    dataset: str
    gpus: int = 1
    texts: Mapping[str, str] = field(default_factory=lambda: dict.fromkeys(browser_storage.TEXTS, ""))
    """Name, note and tags of the run."""


@dataclass(frozen=True)
class Prefill:
    """A form when it is opened."""

    content: FormContent
    note: str
    """HTML that says where the content comes from; empty for a newcomer's form."""
    parent: str
    """Id of the run that it comes from, or ""."""
    is_draft: bool
    """Whether a person had changed the form before, and can start over."""


def prefill(studio: Studio, draft: object, query: Mapping[str, str]) -> Prefill:
    """The form at an address: ready to start, or filled from the run in `?from=`, in `?start=` with its prompt, in
    `?recipe=` from a prompt on the Hub.

    draft: what the browser has stored; where it belongs to this address, it goes first.
    """
    way, source = browser_storage.source_run(query)
    content, name, failure = None, "", ""
    if source:
        try:
            content, name = _content_from(studio, way, source, query)
        except KNOWN as error:
            failure = parts.problems([str(error)])
    content = content or _default_content(studio)
    values = browser_storage.draft_for(draft, query)
    shown = _content_of(values) if values else content
    is_draft = shown != content
    note = failure or summary.origin_note(name, way if name else "", is_draft=is_draft, has_data=bool(shown.dataset))
    return Prefill(shown, note, source if name and way != "recipe" else "", is_draft)


def _content_from(studio: Studio, way: str, source: str, query: Mapping[str, str]) -> tuple[FormContent, str]:
    """The content that an address names, and the name of what it comes from. Raises LampError, StorageError."""
    if way == "recipe":
        config, dataset = studio.published_recipe(source, query.get("revision", "main"))
        return FormContent(config, dataset), source
    run = studio.run(source)
    config = run.config
    if way == "start":
        config = replace(config, lamp=replace(config.lamp, initial="prompt", initial_prompt=run.job.id))
    return FormContent(config, run.job.dataset, run.job.gpus), run.job.name


def _default_content(studio: Studio) -> FormContent:
    """The first backbone and the first data set, which a newcomer can start as they are."""
    backbone = next((choice.reference for choice in studio.backbones()), "")
    dataset = next((entry.reference for entry in studio.datasets()), "")
    config = TuneConfig(backbone=backbone)
    try:
        return FormContent(replace(config, data=studio.guess_columns(dataset, backbone)), dataset)
    except KNOWN:
        return FormContent(config, dataset)


def _content_of(values: Mapping[str, Any]) -> FormContent:
    """The content of a draft. Values that cannot be parsed fall back to their defaults."""
    config, _ = form_values.parse({**values, "backbone": values.get("backbone.choice") or values.get("backbone.other")})
    return FormContent(
        config,
        str(values.get("dataset") or ""),
        form_values.gpus(values.get("gpus")),
        {name: str(values.get(name) or "") for name in browser_storage.TEXTS},
    )
