"""Checks recipes before they are started: what they would read and train, and every reason why they cannot start."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from itertools import takewhile

from app.backbones.registry import Backbones
from app.data.dataset_file import DatasetFile
from app.data.datasets import Datasets
from app.jobs.tuning import initial_prompt_folder
from app.machine.devices import Device
from app.machine.fit import find_fit, impossible, memory_warning
from app.planning.faults import recipe_problems
from app.planning.initial_prompts import initial_prompt_problems
from app.planning.measuring import MeasuringError, OnPhase
from app.planning.measuring_worker import Task
from app.planning.quotes import Quotes, key_of
from app.planning.recipe_data import read_data
from app.planning.shared_tools import SharedTools
from app.settings import Settings
from app.views.plan import Estimate, Plan
from lamp.config import TuneConfig
from lamp.data.chat import no_template
from lamp.data.splits import Splits
from lamp.errors import BackboneError, ConfigError, DataError
from lamp.hub.backbone_files import has_chat_template, is_here
from lamp.hub.catalog import BackboneInfo, is_hub_id
from lamp.hub.folders import is_folder
from lamp.hub.recipe_fit import misfits, wants_gpu
from storage.artifacts import ArtifactStore
from storage.home import Home
from storage.jobs import JobStore

_TRYING = (
    "The backbone's family is new to the studio, which tries now whether it can be read exactly: Start waits for that."
)


class Recipes:
    """Checks recipes with this studio's data sets, backbones, prompts and devices; starts nothing."""

    def __init__(
        self,
        settings: Settings,
        datasets: Datasets,
        backbones: Backbones,
        store: JobStore,
        artifacts: ArtifactStore,
        tools: SharedTools,
    ) -> None:
        self._datasets, self._backbones, self._store, self._artifacts = datasets, backbones, store, artifacts
        home = Home(settings.home)
        self._quotes, self._tokens = Quotes(home.quotes, store), home.tokens
        self._tools, self._tries = tools, not settings.demo

    def plan(self, config: TuneConfig, dataset: str, gpus: int, *, wait: bool = False) -> Plan:
        """Returns everything that can be known about a recipe before it is started; reads each file at most once.

        wait: until a backbone of a family that is new to the studio has been tried.
        """
        problems = recipe_problems(config)
        data = read_data(self._datasets, dataset, config.data)
        if data.problem:
            problems[data.problem] = data.field
        problems |= dict.fromkeys(initial_prompt_problems(config, self._store, self._artifacts), "lamp.initial_prompt")
        problems |= self._device_problems(config, gpus)
        backbone, backbone_problems = self._inspect(config)
        fit = None
        if backbone and not recipe_problems(config):
            row = data.file.longest_row(config.data) if data.file and data.splits else None
            is_here = self._tools.loads_from_hub or self._backbones.is_local(config.backbone)
            fit = find_fit(backbone, is_here, config, self.device, row)
            backbone_problems |= dict.fromkeys(impossible(fit), "backbone")
        if backbone and data.file and data.splits:
            backbone_problems |= data.file.label_problems(config.data, backbone.source)
        tried = (
            self._tools.probing.problem(backbone, config.backbone, wait=wait)
            if backbone and not backbone_problems and self._tries
            else ""
        )
        if tried:
            backbone_problems[tried] = "backbone"
        problems |= backbone_problems
        source = backbone.source if backbone else None
        estimate = None
        if not problems and data.file and data.splits and backbone:
            estimate = self._estimate(config, dataset, data.file, data.splits, backbone, gpus)
        return Plan(
            problems=tuple(problems),
            preview=data.preview(config.data, source),
            estimate=estimate,
            warnings=data.warnings(config.data, source),
            backbone_warnings=(
                *([_TRYING] if tried is None else []),
                *([warning] if fit and not impossible(fit) and (warning := memory_warning(fit)) else []),
            ),
            fields=problems,
            fit=fit,
            unreadable=data.problem if data.table is None else "",
        )

    def measure(self, config: TuneConfig, dataset: str, gpus: int, on_phase: OnPhase) -> None:
        """Measures a recipe without problems; from then on `plan` shows the result. Raises LampError, StorageError.

        on_phase: called repeatedly with what the measurement is doing.
        """
        plan = self.plan(config, dataset, gpus)
        if plan.problems:
            raise ConfigError(plan.problems)
        if not self._tools.can_measure:
            raise MeasuringError("Runs go on on other machines here, which cannot be measured from this one.")
        backbone = self._backbones.inspect(config.backbone)
        if not is_here(backbone.source):
            raise MeasuringError(
                f"The backbone {config.backbone!r} is not on this machine yet, so it cannot be measured: the first run "
                "fetches it."
            )
        task = self._task(config, self._datasets.file(dataset), backbone, gpus)
        owner = self._store.owner.name
        key = key_of(task, dataset, self.slots, owner)
        self._tools.measuring.measure(key, task, lambda measured: self._quotes.remember(key, measured), on_phase, owner)

    def cancel_measuring(self) -> None:
        """Ends the measurement in progress, if it is this person's."""
        self._tools.measuring.cancel(self._store.owner)

    @property
    def slots(self) -> list[str]:
        """The device of each slot for a run."""
        return self._tools.slots

    @property
    def device(self) -> Device:
        """The device with the least memory that a run may get."""
        return self._tools.device

    @property
    def most_gpus(self) -> int:
        """The most GPUs that one run can have."""
        return self._tools.most_gpus

    def learned_from(self, config: TuneConfig, dataset: str, rows: Collection[int]) -> set[int]:
        """Returns those of some rows of the data set that the recipe trains on, as indices from 0. Raises DataError."""
        data = read_data(self._datasets, dataset, config.data)
        if data.splits is None:
            raise DataError(data.problem or "The recipe of this run has problems.")
        places = (example.row for example in data.splits.train)
        return set(takewhile(max(rows, default=-1).__ge__, places)).intersection(rows)  # their places ascend

    def _device_problems(self, config: TuneConfig, gpus: int) -> dict[str, str]:
        """Returns what this machine lacks: sentence → key of a field."""
        problems = {}
        if type(gpus) is not int or not 1 <= gpus <= self.most_gpus:  # a script may send anything
            problems[f"The number of GPUs must be between 1 and {self.most_gpus} here, not {gpus!r}."] = "gpus"
        if config.train.quantization != "none" and not self._tools.has_gpu:
            problems[
                "Weights in 8 or 4 bits want a CUDA GPU, and this machine has none: leave the backbone's "
                "weights as they are."
            ] = "train.quantization"
        return problems

    def _inspect(self, config: TuneConfig) -> tuple[BackboneInfo | None, dict[str, str]]:
        """Returns the chosen backbone, and each value of the recipe that does not fit it: sentence → key of a field."""
        if not config.backbone.strip():
            return None, {}
        try:
            backbone = self._backbones.inspect(config.backbone)
        except BackboneError as error:
            return None, {str(error): "backbone"}
        problems = misfits(backbone, config)
        if self._tools.loads_from_hub and (is_folder(config.backbone) or not is_hub_id(config.backbone)):
            problems[
                f"Rented machines load their backbone from the Hub, and {config.backbone[:100]!r} is a folder of this "
                "machine: write a Hub id, such as HuggingFaceTB/SmolLM2-135M-Instruct."
            ] = "backbone"
        if not self._tools.has_gpu:
            problems |= wants_gpu(backbone, config)
        if config.data.input_format == "chat" and has_chat_template(backbone.source) is False:
            problems[no_template(config.backbone)] = "data.input_format"
        return backbone, problems

    def _task(self, config: TuneConfig, file: DatasetFile, backbone: BackboneInfo, gpus: int) -> Task:
        """Returns the measurement's task."""
        trained = initial_prompt_folder(config, self._artifacts)
        return Task(
            config=config,
            source=backbone.source,
            dataset=file,
            trained_prompt=str(trained.absolute()) if trained else "",
            tokens=str(self._tokens),
            gpus=gpus,
        )

    def _estimate(
        self, config: TuneConfig, dataset: str, file: DatasetFile, splits: Splits, backbone: BackboneInfo, gpus: int
    ) -> Estimate:
        train = config.train
        task = self._task(config, file, backbone, gpus)
        key = key_of(task, dataset, self.slots, self._store.owner.name) if self._tools.can_measure else ""
        quote = self._quotes.quote(config, file.longest_row(config.data), backbone, key, self.device)
        rows = train.steps * train.batch_size * train.accumulation * gpus
        return Estimate(
            architecture=backbone.architecture,
            hidden_size=backbone.hidden_size,
            backbone_parameters=backbone.parameters,
            trainable=config.lamp.trainable_parameters(backbone.hidden_size),
            virtual_tokens=config.lamp.virtual_tokens,
            steps=train.steps,
            epochs=rows / max(1, len(splits.train)),
            quote=replace(quote, elsewhere=self._tools.elsewhere(quote.seconds)),
        )
