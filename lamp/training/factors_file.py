"""The file that stores the trained factors of a prompt, so that it can be trained further."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from lamp.config import LampConfig
from lamp.errors import DataError
from lamp.prompt import LampPrompt

FACTORS_FILE = "lamp_factors.safetensors"
"""Holds u (l, r), q (r,) and v (r, d), float32."""


def save_factors(factors: Mapping[str, Tensor], folder: Path) -> None:
    """Writes the factors into an existing folder."""
    save_file({name: factor.contiguous() for name, factor in factors.items()}, folder / FACTORS_FILE)


def load_factors(folder: Path, config: LampConfig) -> LampPrompt:
    """Creates a prompt from the stored factors, with the pooling and interactions of `config`.

    Raises DataError when the folder holds no factors.
    """
    try:
        stored = load_file(folder / FACTORS_FILE)
        return LampPrompt(stored["u"], stored["q"], stored["v"], config.pooling, config.interactions)
    except (OSError, KeyError, ValueError, SafetensorError) as error:
        raise DataError(
            f"The prompt to start from, {folder.name!r}, holds no factors that can be read: choose another one."
        ) from error
