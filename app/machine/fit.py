"""Whether a backbone and the training of its prompt fit this machine."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

from app.machine.devices import Device
from lamp.config import TuneConfig
from lamp.hub.cached import cached_bytes
from lamp.hub.catalog import BackboneInfo
from lamp.hub.memory import training_bytes, weight_bytes


@dataclass(frozen=True)
class Fit:
    """What a backbone needs, and what this machine has; all in bytes."""

    download: int
    """What has to be downloaded yet; 0 when it is on this machine."""
    free_disk: int
    weights: int
    """In memory, in the precision of the recipe."""
    training: int
    """The most memory that the recipe takes on each device, weights included."""
    memory: int | None
    """Of the device; None where it is unknown."""
    is_gpu: bool

    @property
    def fits_memory(self) -> bool:
        """Whether a batch of the longest rows fits into memory."""
        return self.memory is None or self.training <= self.memory


def find_fit(
    backbone: BackboneInfo,
    is_local: bool,
    config: TuneConfig,
    device: Device,
    longest_row: tuple[int, int] | None = None,
) -> Fit:
    """How a backbone and a recipe, without problems of its own, fit a device and the disk of the Hub's cache.

    longest_row: tokens of the longest input and of the longest target; as long as the recipe allows when not known.
    """
    from huggingface_hub import constants

    width = device.bytes_per_value(config.train.precision, backbone.model_type)
    cached = 0 if is_local else cached_bytes(backbone.source)
    return Fit(
        download=0 if is_local else max(0, backbone.stored_bytes - cached),
        free_disk=_free(Path(constants.HF_HUB_CACHE)),
        weights=weight_bytes(backbone, width, config.train.quantization),
        training=training_bytes(backbone, config, width, on_cpu=not device.is_gpu, longest_row=longest_row),
        memory=device.memory_bytes,
        is_gpu=device.is_gpu,
    )


def impossible(fit: Fit) -> list[str]:
    """Why the backbone cannot be used on this machine at all, whatever its recipe is; one sentence for each reason."""
    reasons = []
    if fit.download and fit.download >= fit.free_disk:
        reasons.append(
            f"Too large for this disk: the backbone wants {_gigabytes(fit.download)} more on it, and "
            f"{_gigabytes(fit.free_disk)} are free: free some space, or choose a smaller backbone."
        )
    if fit.memory is not None and fit.weights >= fit.memory:
        cure = ", or its weights in 8 or 4 bits" if fit.is_gpu else ""
        reasons.append(
            f"Too large for this machine: the backbone's weights alone take {_gigabytes(fit.weights)}, and "
            f"{'the GPU' if fit.is_gpu else 'the machine'} has {_gigabytes(fit.memory)} of memory: choose a smaller "
            f"backbone{cure}."
        )
    return reasons


def memory_warning(fit: Fit) -> str:
    """A sentence for a recipe that may need more memory than there is; else empty."""
    if fit.fits_memory or fit.memory is None:
        return ""
    return (
        f"A batch of the longest rows needs about {_gigabytes(fit.training)} of memory, and there are "
        f"{_gigabytes(fit.memory)}: lower the batch size or the longest input, or turn gradient checkpointing on."
    )


def _gigabytes(size: int) -> str:
    return f"{size / 1e9:.1f} GB"


def _free(folder: Path) -> int:
    """Free bytes on the disk of a folder that may not be there yet."""
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    return shutil.disk_usage(folder).free
