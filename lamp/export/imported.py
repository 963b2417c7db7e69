"""What is said of a prompt that is imported, and what was found in it, as values without torch."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

from lamp.config import TuneConfig

_PICKLES = (".bin", ".pt", ".pth", ".ckpt", ".pkl")


@dataclass(frozen=True)
class Given:
    """What a person says of a prompt whose files do not."""

    backbone: str = ""
    """In place of the one that the adapter names, such as a folder of another machine."""
    template: str = ""
    """As DataConfig.template; "" is the text alone."""
    labels: tuple[str, ...] = ()
    """Empty where the prompt writes texts."""


@dataclass(frozen=True)
class Imported:
    """What was found in a prompt that was imported."""

    config: dict[str, Any]
    """The recipe, as far as it is known."""
    width: int
    encoder_decoder: bool
    has_recipe: bool
    """Whether the recipe is its own; else only the backbone and the number of virtual tokens are known."""
    has_factors: bool
    """Whether its own factors came with it; else they were computed from its virtual tokens."""
    step: int
    """Steps that it was trained for; 0 where that is not known."""
    scores: dict[str, float]
    """As its maker measured them."""


def of_nowhere(config: TuneConfig) -> TuneConfig:
    """A recipe of another studio without the data sets and the run that it names there: they are not here."""
    lamp, data = config.lamp, replace(config.data, validation_data="", test_data="")
    if lamp.initial == "prompt":
        lamp = replace(lamp, initial="vocabulary", initial_prompt="")
    return replace(config, lamp=lamp, data=data)


def without_safetensors(names: Iterable[str]) -> str:
    """Why an adapter without adapter_model.safetensors cannot be imported."""
    if any(name.endswith(_PICKLES) for name in names):
        return (
            "This adapter is stored as a pickle file, which can run code when it is loaded: save it again as "
            "safetensors, which PEFT does by default."
        )
    return "There is no adapter_model.safetensors, so there is no prompt in it."
