"""The boxes in which people choose how a text is written."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import gradio as gr

from app.ui.components import number_box
from app.views.formatting import parse_number
from lamp.errors import ConfigError
from lamp.sampling import Sampling

_NAMES = ("temperature", "top-p", "seed", "longest answer")


def sampling_boxes(longest_target: int) -> list[Any]:
    """A closed section with a box for each field of `Sampling`. longest_target: of the recipe, in tokens."""
    default = Sampling()
    with gr.Accordion("How the text is written", open=False, elem_id="sampling"), gr.Row():
        return [
            number_box(
                default.temperature,
                label="Temperature",
                info="0 writes the likeliest text; 0.7 varies it.",
                elem_id="temperature",
                min_width=160,
                interactive=True,
            ),
            number_box(
                default.top_p,
                label="Top-p",
                info="1 draws from all words.",
                elem_id="top-p",
                min_width=160,
                interactive=True,
            ),
            number_box(
                default.seed,
                label="Seed",
                info="The same seed writes the same text.",
                elem_id="seed",
                min_width=160,
                interactive=True,
            ),
            number_box(
                longest_target,
                label="Longest answer",
                info="In tokens.",
                elem_id="longest-answer",
                min_width=160,
                interactive=True,
            ),
        ]


def sampling_of(boxes: Sequence[str]) -> Sampling:
    """The settings in the boxes. Raises ConfigError with one sentence for each box that has no such number."""
    problems: list[str] = []
    numbers = [_number(name, text, problems) for name, text in zip(_NAMES, boxes, strict=True)]
    if problems:
        raise ConfigError(problems)
    temperature, top_p, seed, longest = numbers
    return Sampling(temperature, top_p, int(seed), int(longest))


def _number(name: str, text: str, problems: list[str]) -> float:
    """The number in a box, or 0 and one more sentence in `problems`."""
    whole = name in ("seed", "longest answer")
    try:
        number = parse_number(text)
        if not whole or number.is_integer():
            return number
    except ValueError:
        pass
    problems.append(f"The {name} must be a {'whole ' if whole else ''}number, not {text[:40]!r}.")
    return 0.0
