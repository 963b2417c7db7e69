"""What brings a part of a page up to date."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import gradio as gr


@dataclass(frozen=True)
class Refresh:
    """The handler that brings a part of a page up to date, with its inputs and outputs."""

    handler: Callable[..., Any]
    inputs: list[Any]
    outputs: list[Any]
    timer: gr.Timer
    """Runs the handler while something goes on."""
