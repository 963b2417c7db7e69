"""Creates the prompt that training starts from, as the recipe asks for it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from copy import deepcopy
from pathlib import Path

from lamp.backbone.frozen import FrozenBackbone
from lamp.config import LampConfig, TuneConfig
from lamp.data.encoding import Encoded
from lamp.errors import ConfigError, DataError, LampError
from lamp.initializers import initial_prompt
from lamp.prompt import LampPrompt
from lamp.training.factors_file import load_factors


def first_prompt(
    backbone: FrozenBackbone, config: TuneConfig, labels: Iterable[str], rows: Sequence[Encoded], trained: Path | None
) -> LampPrompt:
    """Creates the prompt that training starts from.

    labels: empty for generation; rows: the training rows; trained: folder of the exported prompt to start from, if the
    recipe asks for one. Raises DataError and ConfigError.
    """
    if config.lamp.initial != "prompt":
        inputs = (row.input_ids for row in rows)
        matrix = initial_prompt(backbone, config.lamp, labels, inputs, config.train.seed)
        return LampPrompt.from_matrix(matrix, config.lamp)
    if trained is None:
        raise DataError("The prompt to start from is not there any more: choose another one.")
    return from_trained(backbone, config.lamp, trained)


def first_prompts(
    backbone: FrozenBackbone,
    recipes: Sequence[TuneConfig],
    labels: Iterable[str],
    rows: Sequence[Encoded],
    trained: Mapping[str, Path],
) -> list[LampPrompt]:
    """Creates the first prompt of each recipe; recipes that differ only in their rate start from the same one.

    trained: folders of exported prompts, by the names that the recipes use for them. For the rest see `first_prompt`.
    """
    made: dict[object, LampPrompt] = {}
    for recipe in recipes:
        start = recipe.lamp, recipe.train.seed
        if start not in made:
            made[start] = first_prompt(backbone, recipe, labels, rows, trained.get(recipe.lamp.initial_prompt))
    return [deepcopy(made[recipe.lamp, recipe.train.seed]) for recipe in recipes]


def known_first_prompt(
    backbone: FrozenBackbone,
    config: TuneConfig,
    labels: Iterable[str],
    rows: Sequence[Encoded],
    trained: Mapping[str, Path],
) -> LampPrompt | None:
    """Creates the prompt that training started from once more; None if it came from a run that was deleted."""
    try:
        return first_prompt(backbone, config, labels, rows, trained.get(config.lamp.initial_prompt))
    except LampError:
        return None


def from_trained(backbone: FrozenBackbone, config: LampConfig, folder: Path) -> LampPrompt:
    """Creates a prompt from the factors of an exported one; pooling and interactions may differ.

    Raises DataError when the folder holds no factors, ConfigError when their shape is not the recipe's.
    """
    prompt = load_factors(folder, config)
    (length, rank), hidden = prompt.u.shape, prompt.v.shape[1]
    if (length, rank) != (config.prompt_length, config.rank):
        raise ConfigError(
            [
                f"The prompt to start from has {length} tokens of rank {rank}: set the prompt length to "
                f"{length} and the rank to {rank}."
            ]
        )
    if hidden != backbone.hidden_size:
        raise ConfigError(
            [
                f"The prompt to start from is {hidden} numbers wide, for another backbone: this one is "
                f"{backbone.hidden_size} wide."
            ]
        )
    return prompt
