"""The boxes in which people choose how a text is written."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import gradio as gr

from app.ui.components import number_box
from app.ui.language import t
from app.views.formatting import parse_number
from lamp.errors import ConfigError
from lamp.sampling import Sampling

_BOXES = (
    ("Temperature", "0 writes the likeliest text; 0.7 varies it."),
    ("Top-p", "1 draws from all words."),
    ("Seed", "The same seed writes the same text."),
    ("Longest answer", "In tokens."),
)
"""(label, what it does) of the box for each field of `Sampling`"""


def sampling_boxes(longest_target: int) -> list[Any]:
    """A closed section with the boxes. longest_target: of the recipe, in tokens."""
    default = Sampling()
    values = (default.temperature, default.top_p, default.seed, longest_target)
    with gr.Accordion(t("How the text is written"), open=False, elem_id="sampling"), gr.Row():
        return [
            number_box(
                value,
                label=t(label),
                info=t(info),
                elem_id=label.lower().replace(" ", "-"),
                min_width=160,
                interactive=True,
            )
            for value, (label, info) in zip(values, _BOXES, strict=True)
        ]


def sampling_of(boxes: Sequence[str]) -> Sampling:
    """The settings in the boxes. Raises ConfigError with one sentence for each box that has no such number."""
    problems: list[str] = []
    numbers = [_number(label.lower(), text, problems) for (label, _), text in zip(_BOXES, boxes, strict=True)]
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
