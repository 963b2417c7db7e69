"""How long a run takes and how much memory it needs: measured here before, or else from the last run and calculated."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Sequence
from contextlib import suppress
from importlib.metadata import version
from pathlib import Path
from typing import Any

from app.machine.devices import Device
from app.planning.measuring_worker import Task
from app.processes.identity import host_name
from app.views.estimates import WholeRun, speed_on
from app.views.plan import Quote
from lamp.config import TuneConfig
from lamp.files import written_whole
from lamp.hub.backbone_files import is_here
from lamp.hub.catalog import BackboneInfo
from lamp.hub.folders import named_path
from lamp.hub.memory import training_bytes
from lamp.training.halving import plan_of
from lamp.training.quote import Measured
from storage.jobs import JobStore

_TRAIN_FIELDS = ("batch_size", "accumulation", "precision", "quantization", "gradient_checkpointing", "compile", "seed")
_LAMP_FIELDS = ("prompt_length", "rank", "pooling", "interactions")
"""Fields of the recipe that change what a step takes, beside the whole data section and whether the rate is found."""
_MOST_FILES = 500


class Quotes:
    """The measurements that were made on this machine, each in a file, and what is known without them."""

    def __init__(self, folder: Path, store: JobStore) -> None:
        self._folder, self._store = folder, store

    def quote(
        self, config: TuneConfig, longest_row: tuple[int, int], backbone: BackboneInfo, key: str, device: Device
    ) -> Quote:
        """The best that is known.

        longest_row: tokens of the longest input and of the longest target; key: of this recipe, as `key_of` gives it,
        or "" where runs go on elsewhere and nothing can be measured; device: the smallest one of the slots.
        """
        on_gpu, measurable = device.is_gpu, bool(key) and is_here(backbone.source)
        measured = self._read(key)
        if measured is not None:
            seconds: float | None = measured.seconds(config.train)
            memory = measured.memory(config.train)
            return Quote(seconds, memory, True, on_gpu, tuple(measured.remarks()), measurable, measured)
        speed = speed_on(self._store, config.backbone)
        pace = WholeRun(speed) if speed else None
        seconds = pace.seconds(config.train) if pace else None
        memory = training_bytes(
            backbone,
            config,
            device.bytes_per_value(config.train.precision, backbone.model_type),
            on_cpu=not on_gpu,
            longest_row=longest_row,
            prompts=plan_of(config.train)[0],
        )
        return Quote(seconds, memory, False, on_gpu, (), measurable, pace)

    def remember(self, key: str, measured: Measured) -> None:
        """Keeps a measurement for the next look; where that cannot be written, it is only shown once."""
        with suppress(OSError):
            with written_whole(self._folder / f"{key}.json") as staged:
                staged.write_text(json.dumps(measured.to_dict()))
            files = sorted(self._folder.glob("*.json"), key=lambda file: file.stat().st_mtime)
            for file in files[:-_MOST_FILES]:
                file.unlink(missing_ok=True)

    def _read(self, key: str) -> Measured | None:
        if not key:
            return None
        try:
            return Measured.from_dict(json.loads((self._folder / f"{key}.json").read_text()))
        except (OSError, ValueError):
            return None


def key_of(task: Task, dataset: str, devices: Sequence[str], owner: str = "") -> str:
    """A digest of everything that a measurement depends on: recipe, data set, backbone and machine.

    dataset: its reference, whose content never changes; owner: a measurement is told to whoever made it alone.
    """
    config = task.config
    parts: dict[str, Any] = {
        "data": config.to_dict()["data"],
        "lamp": [getattr(config.lamp, name) for name in _LAMP_FIELDS],
        "train": [getattr(config.train, name) for name in _TRAIN_FIELDS],
        "prompts": plan_of(config.train)[0],
        "gpus": task.gpus,
        "dataset": dataset,
        "backbone": [task.source, _changed(task.source)],
        "machine": [host_name(), os.cpu_count(), sorted(set(devices)), len(devices), version("torch")],
    }
    if owner:
        parts["owner"] = owner
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:32]


def _changed(source: str) -> list[int]:
    """When the files of a folder were last changed; empty for a Hub id."""
    folder = named_path(source)
    try:
        return sorted(file.stat().st_mtime_ns for file in folder.iterdir()) if folder.is_dir() else []
    except OSError:
        return []
