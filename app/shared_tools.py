"""What the recipes of all people share."""

from __future__ import annotations

from functools import cached_property

from app.jobs.measuring import Measuring
from app.jobs.probing import Probing
from app.jobs.slots import devices, visible_gpus
from app.settings import Settings
from storage.home import Home
from storage.jobs import JobStore


class SharedTools:
    """The devices, the measurement that goes on, and the trials of new backbones."""

    def __init__(self, settings: Settings, store: JobStore) -> None:
        """store: with everybody's runs, because a measurement gives way to any of them."""
        self._settings = settings
        self.probing = Probing(Home(settings.home).probes)
        self.measuring = Measuring(store, lambda: self.slots)

    @cached_property
    def slots(self) -> list[str]:
        """The device of each slot for a run."""
        return devices(self._settings.slots)

    @property
    def most_gpus(self) -> int:
        """The most GPUs that one run can have; 1 also where there is none or where STUDIO_SLOTS lets runs share one."""
        own = len(self.slots) if len(set(self.slots)) == len(self.slots) else 1
        return self._settings.most_gpus or own

    @cached_property
    def has_gpu(self) -> bool:
        """Whether this machine has a GPU that runs may use."""
        return bool(visible_gpus())
