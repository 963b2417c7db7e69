"""The description of an imported prompt: what the person says of it, and what its files say. Needs no torch."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

from lamp.config import TuneConfig

_PICKLES = (".bin", ".pt", ".pth", ".ckpt", ".pkl")


@dataclass(frozen=True)
class ImportDetails:
    """What the person who imports a prompt says of it, in place of what its files lack."""

    backbone: str = ""
    """Replaces the backbone that the adapter names, such as a folder of another machine."""
    template: str = ""
    """As DataConfig.template; "" for the input text alone."""
    labels: tuple[str, ...] = ()
    """The labels to choose from; empty if the prompt writes texts."""


@dataclass(frozen=True)
class Imported:
    """The content of an imported prompt."""

    config: dict[str, Any]
    """The recipe, as far as it is known."""
    width: int
    encoder_decoder: bool
    has_recipe: bool
    """Whether the recipe came with the prompt; else only the backbone and the number of virtual tokens are known."""
    has_factors: bool
    """Whether the factors came with the prompt; else they were computed from its virtual tokens."""
    step: int
    """Number of training steps; 0 if unknown."""
    scores: dict[str, float]
    """Scores as its maker measured them."""


def of_nowhere(config: TuneConfig) -> TuneConfig:
    """Removes the data sets and the run that a recipe names from it, because they belong to another studio."""
    lamp, data = config.lamp, replace(config.data, validation_data="", test_data="")
    if lamp.initial == "prompt":
        lamp = replace(lamp, initial="vocabulary", initial_prompt="")
    return replace(config, lamp=lamp, data=data)


def without_safetensors(names: Iterable[str]) -> str:
    """Returns why an adapter without adapter_model.safetensors cannot be imported."""
    if any(name.endswith(_PICKLES) for name in names):
        return (
            "This adapter is stored as a pickle file, which can run code when it is loaded: save it again as "
            "safetensors, which PEFT does by default."
        )
    return "There is no adapter_model.safetensors, so there is no prompt in it."
