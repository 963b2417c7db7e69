"""The part of Studio that is about recipes: what can be chosen, what a recipe takes, and starting a run of it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from app import limits
from app.backbones.registry import BackboneChoice, Backbones
from app.planning.recipes import Recipes
from app.studio_parts.quotas import StudioQuotas, computes
from app.views.estimates import WholeRun, speed_on
from app.views.plan import Plan
from lamp.config import TrainConfig, TuneConfig
from lamp.errors import ConfigError


class StudioRecipes(StudioQuotas):
    """Recipes before they are started."""

    _backbones: Backbones
    _recipes: Recipes

    def backbones(self) -> list[BackboneChoice]:
        """The offered backbones, those on this machine first."""
        return self._backbones.choices(self._recipes.device)

    def usual_seconds(self, backbone: str) -> float | None:
        """Seconds of a recommended run at the speed of the newest run on a backbone; None before there is one."""
        speed = speed_on(self._store, backbone)
        return WholeRun(speed).seconds(TrainConfig()) if speed else None

    @property
    def takes_folders(self) -> bool:
        """Whether a folder of the machine can be named as a backbone; strangers are not told what it has."""
        return self._backbones.folders_allowed

    def plan(self, config: TuneConfig, dataset: str, gpus: int = 1) -> Plan:
        """What the recipe would read and train, and every reason why it cannot be started."""
        return self._within_quotas(self._recipes.plan(config, dataset, gpus), config.train.steps)

    @computes
    def measure(
        self, config: TuneConfig, dataset: str, gpus: int = 1, on_phase: Callable[[str], None] = lambda _: None
    ) -> None:
        """Measures what the recipe takes here, so that `plan` tells it. on_phase: called with what is being done."""
        self._recipes.measure(config, dataset, gpus, on_phase)

    def cancel_measuring(self) -> None:
        """Ends the measurement that goes on, if there is one."""
        self._recipes.cancel_measuring()

    @computes
    def submit(
        self,
        config: TuneConfig,
        dataset: str,
        name: str = "",
        parent: str | None = None,
        gpus: int = 1,
    ) -> str:
        """Queues a run and returns its id. Raises ConfigError with every problem; no run exists then.

        gpus: how many it trains on at once, each of them on batches of its own.
        """
        name = limits.run_name(name)
        parent = parent if parent and self._store.exists(parent) else None
        plan = self._within_quotas(self._recipes.plan(config, dataset, gpus, wait=True), config.train.steps)
        if plan.preview is None or plan.problems:
            raise ConfigError(plan.problems)
        dataset_name = plan.preview.dataset_name
        name = name or f"{Path(dataset_name).stem} on {Path(config.backbone).name}"[: limits.LONGEST_RUN_NAME]
        self._check_queue()
        self._home.check_space(self.settings.low_disk_bytes)
        return self._store.add(
            name, config.to_dict(), dataset, dataset_name, config.train.steps, parent=parent, gpus=gpus
        ).id

    @property
    def most_gpus(self) -> int:
        """How many GPUs one run can have, at least 1."""
        return self._recipes.most_gpus
