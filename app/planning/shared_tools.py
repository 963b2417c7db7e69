"""What the recipes of all people share."""

from __future__ import annotations

from functools import cached_property

from app.machine.devices import Device, smallest_device
from app.planning.measuring import Measuring
from app.planning.probing import Probing
from app.processes.slots import devices, visible_gpus
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
        if (gpus := self._settings.cluster_gpus) is not None:
            return max(1, gpus)
        return len(self.slots) if len(set(self.slots)) == len(self.slots) else 1

    @property
    def device(self) -> Device:
        """The device with the least memory that a run may get; of a cluster's nothing more is known than its kind."""
        if (gpus := self._settings.cluster_gpus) is not None:
            return Device(gpus > 0, None, has_bf16=True)
        return smallest_device(tuple(self.slots))

    @property
    def can_measure(self) -> bool:
        """Whether runs go on on this machine, which alone can be measured."""
        return self._settings.cluster_gpus is None

    def elsewhere(self, seconds: float | None) -> str:
        """Where runs go on if not on this machine, and what that costs, in a sentence.

        seconds: that a run takes; None where that is not known.
        """
        if self._settings.rented is not None:
            return self._settings.rented.price(seconds)
        return "" if self.can_measure else "It runs on a machine of the cluster, which cannot be measured from here."

    @property
    def loads_from_hub(self) -> bool:
        """Whether the machines of runs have nothing of what lies in folders here."""
        return self._settings.rented is not None

    @cached_property
    def has_gpu(self) -> bool:
        """Whether there is a GPU that runs may use."""
        if (gpus := self._settings.cluster_gpus) is not None:
            return gpus > 0
        return bool(visible_gpus())
