"""The part of the Tune page that tells how long a run takes and how much memory it needs, and measures it on request.

It never measures by itself: that takes all of the processor for about a minute.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import gradio as gr

from app.studio import Studio
from app.ui import parts
from app.ui.components import AT_ONCE, QUIET, piece
from app.ui.guard import KNOWN, guarded
from app.ui.language import t
from app.ui.streaming import stream
from app.ui.tune import summary
from app.views.plan import Plan
from lamp.config import TuneConfig

Form = Callable[[Sequence[Any]], tuple[TuneConfig, Plan, str, int]]
"""From the values that the browser sends to the recipe, its plan, the data set and the number of GPUs."""


class QuotePart(NamedTuple):
    """The components of this part."""

    quote: gr.HTML
    status: gr.HTML
    """What a measurement is doing, or why there is none."""
    measure: gr.Button
    cancel: gr.Button


def measure_button(plan: Plan) -> gr.Button:
    """The button as it fits a plan: hidden where nothing can be measured."""
    quote = plan.estimate.quote if plan.estimate and not plan.problems else None
    text = "Measure again" if quote and quote.measured else "Measure"
    return gr.Button(t(text), visible=bool(quote and quote.measurable))


def layout() -> QuotePart:
    """Lays this part out."""
    quote = piece(elem_id="quote")
    status = piece(elem_id="quote-status", elem_classes="ls-slot")
    options: dict[str, Any] = {"size": "md", "visible": False, "elem_classes": "ls-back"}
    measure = gr.Button("Measure", elem_id="measure", **options)
    return QuotePart(quote, status, measure, gr.Button("Cancel", elem_id="cancel-measuring", **options))


class MeasureHandlers:
    """The handlers of this part."""

    def __init__(self, studio: Studio, form: Form) -> None:
        self._studio, self._form = studio, form

    def measure(self, *values: Any) -> Iterator[tuple[str, gr.Button, gr.Button]]:
        """Yields what the measurement is doing, then "" or why it failed; and the two buttons."""
        config, plan, dataset, gpus = self._form(values)
        yield summary.measuring("Starting"), gr.Button(visible=False), gr.Button(visible=True)

        def work(on_phase: Callable[[str], None]) -> str:
            self._studio.measure(config, dataset, gpus, on_phase)
            return ""

        problem, shown = "", ""
        try:
            for phase, final in stream(work):
                if not final and phase != shown:
                    shown = phase
                    yield summary.measuring(phase), gr.skip(), gr.skip()
        except KNOWN as error:
            problem = parts.notice(str(error))
        yield problem, measure_button(plan), gr.Button(visible=False)

    def quote(self, *values: Any) -> tuple[str, gr.Button]:
        """Time and memory of the recipe that is in the form now, and the button that measures them."""
        _, plan, _, _ = self._form(values)
        return summary.quote(plan), measure_button(plan)

    def cancel(self) -> None:
        """Ends the measurement."""
        self._studio.cancel_measuring()


def wire(part: QuotePart, handlers: MeasureHandlers, values: list[Any]) -> None:
    """Wires this part. values: the form's components."""
    part.measure.click(
        guarded(handlers.measure), values, [part.status, part.measure, part.cancel], preprocess=False, **QUIET
    ).then(guarded(handlers.quote), values, [part.quote, part.measure], preprocess=False, **QUIET)
    part.cancel.click(guarded(handlers.cancel), None, None, **AT_ONCE)
