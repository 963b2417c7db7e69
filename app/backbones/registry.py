"""Which backbones are offered, and where the weights of each are."""

from __future__ import annotations

from dataclasses import dataclass

from app.backbones.offered import OFFERED, OfferedBackbone
from app.machine.devices import Device
from app.settings import Settings
from lamp.errors import BackboneError
from lamp.hub.cached import cached_folder
from lamp.hub.catalog import BackboneInfo, inspect, is_hub_id
from lamp.hub.folders import is_folder
from lamp.hub.offline import folder_name


@dataclass(frozen=True)
class BackboneChoice:
    """A backbone worth offering; any other Hub id or folder can be typed."""

    offered: OfferedBackbone
    is_local: bool
    """Whether its weights are on this machine."""
    is_too_large: bool
    """Whether its weights alone do not fit into the memory of the device that a run gets."""

    @property
    def reference(self) -> str:
        """Its Hub id."""
        return self.offered.reference


class Backbones:
    """Backbones by their reference, which is a Hub id or a folder.

    A copy of a Hub id in the home folder (backbones/<org--name>) is used instead of the Hub, if it is whole.
    """

    def __init__(self, settings: Settings, folders_allowed: bool | None = None) -> None:
        """folders_allowed: whether any folder of the machine can be named; by default everywhere but on a Space."""
        self._copies = settings.home / "backbones"
        self.folders_allowed = not settings.on_space if folders_allowed is None else folders_allowed

    def choices(self, device: Device) -> list[BackboneChoice]:
        """The offered backbones: those on this machine first, then by size. The Hub is not asked.

        device: what a run trains on.
        """
        choices = []
        for offered in OFFERED:
            weights = offered.parameters * device.bytes_per_value("auto", offered.model_type)
            too_large = device.memory_bytes is not None and weights >= device.memory_bytes
            choices.append(BackboneChoice(offered, self.is_local(offered.reference), too_large))
        return sorted(choices, key=lambda choice: (not choice.is_local, choice.offered.parameters))

    def is_local(self, reference: str) -> bool:
        """Whether a backbone can be used without the Hub; a folder can."""
        reference = reference.strip()
        if self._copy_of(reference) is not None or cached_folder(reference) is not None:
            return True
        return self.folders_allowed and is_folder(reference)

    def source(self, reference: str) -> str:
        """The folder or Hub id to load a backbone from; the Hub is not asked.

        Raises BackboneError for a folder where folders are not allowed, as on a public Space.
        """
        copy = self._copy_of(reference)
        return copy.source if copy else self._allowed(reference)

    def inspect(self, reference: str) -> BackboneInfo:
        """What a backbone is and where to load it from. Raises BackboneError when it cannot be found or tuned."""
        return self._copy_of(reference) or inspect(self._allowed(reference))

    def _copy_of(self, reference: str) -> BackboneInfo | None:
        """The copy in the home folder; None when there is none, or not a whole one."""
        reference = reference.strip()
        if reference.count("/") != 1 or ".." in reference:
            return None
        folder = self._copies / folder_name(reference)
        try:
            return inspect(str(folder)) if folder.is_dir() else None
        except BackboneError:
            return None

    def _allowed(self, reference: str) -> str:
        """The reference without surrounding blanks. Raises BackboneError for a folder where folders are not allowed."""
        reference = reference.strip()
        # The same sentence for folders that exist and for others: strangers are not told which do.
        if not self.folders_allowed and reference and (is_folder(reference) or not is_hub_id(reference)):
            raise BackboneError(
                f"Folders cannot be used on this studio: write a Hub id, such as HuggingFaceTB/SmolLM2-135M-Instruct, "
                f"instead of {reference[:100]!r}."
            )
        return reference
