"""The box of the Inspect tab that mixes the run's prompt with another one and scores the mix."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import gradio as gr

from app.studio import Studio
from app.ui import parts
from app.ui.components import AT_ONCE, piece
from app.ui.guard import KNOWN, guarded
from app.ui.runs import mix_html
from app.ui.streaming import stream

_WAYS = [("Blend", "blend"), ("One after the other", "after")]
_MOST_WAITING = 2
"""People who score a mix at a time: it takes the process that answers for a while."""
_NOTHING = '<div class="ls-no-answer">The scores appear here.</div>'
_ALONE = (
    "There is no other run of this model whose prompt reads the same columns: train one, and it can be chosen here."
)


class MixBox:
    """The handlers of the box."""

    def __init__(self, studio: Studio) -> None:
        self._studio = studio

    def open(self, run: str, ready: str, way: str) -> list[Any]:
        """The box with the runs to choose from, for a run that was scored. ready: the view's `prompt_version`."""
        if not ready or self._studio.settings.demo or self._studio.results(run) is None:
            return [gr.Column(visible=False), *[gr.skip()] * 6]
        others = [(job.name, job.id) for job in self._studio.mix_partners(run)]
        first = others[0][1] if others else None
        return [
            gr.Column(visible=True),
            gr.Row(visible=bool(others)),
            gr.Dropdown(choices=others, value=first),
            "" if others else parts.notice(_ALONE),
            *self.choose(run, first, way),
        ]

    def choose(self, run: str, other: str | None, way: str) -> list[Any]:
        """Whether the share can be set and the mix be scored, and why it cannot be."""
        problem = self._studio.mix_problem(run, other, way) if run and other else ""
        shown = parts.notice(problem, "warn") if problem else _NOTHING
        return [gr.Slider(interactive=way == "blend"), gr.Button(interactive=bool(other) and not problem), shown]

    def score(self, run: str, other: str | None, way: str, percent: float) -> Iterator[str]:
        """HTML of how far the scoring is, then of the scores; or why there are none."""

        def work(send: Callable[[str], None]) -> str:
            found = self._studio.score_mix(
                run, other or "", way, percent / 100, lambda share, stage: send(mix_html.progress(share, stage))
            )
            names = self._studio.job(run).name, self._studio.job(other or "").name
            return mix_html.scores(found, *names, way, round(percent))

        try:
            for html, _ in stream(work):
                yield html
        except KNOWN as error:
            yield parts.problems([str(error)])


def build(studio: Studio, run: gr.State, ready: gr.Textbox) -> None:
    """Lays the box out and wires it."""
    with gr.Column(visible=False, elem_id="mix") as box:
        piece(
            parts.title(
                "Mix it with another prompt",
                "Two prompts of one model can be blended token by token or put one after the other, without training.",
            )
        )
        alone = piece(elem_id="mix-alone", elem_classes="ls-slot")
        with gr.Row(elem_classes="ls-mix") as choice:
            with gr.Column(min_width=280):
                other = gr.Dropdown([], value=None, label="The other run", elem_id="mix-other")
                way = gr.Radio(_WAYS, value="blend", label="How", elem_id="mix-way")
                percent = gr.Slider(0, 100, 50, step=10, label="Share of this run's prompt, %", elem_id="mix-share")
                score = gr.Button("Score the mix", size="md", elem_id="mix-score", elem_classes="ls-back")
            with gr.Column(min_width=280):
                result = piece(_NOTHING, elem_id="mix-scores", min_height=220)
    handlers = MixBox(studio)
    chosen = [percent, score, result]
    ready.change(guarded(handlers.open), [run, ready, way], [box, choice, other, alone, *chosen], **AT_ONCE)
    gr.on([other.input, way.input], guarded(handlers.choose), [run, other, way], chosen, **AT_ONCE)
    asked = score.click(None, None, result, js=f"() => {json.dumps(mix_html.progress(0, 'Getting ready'))}", **AT_ONCE)
    asked.then(
        guarded(handlers.score),
        [run, other, way, percent],
        result,
        api_visibility="private",
        show_progress="hidden",
        concurrency_limit=_MOST_WAITING,
    ).failure(lambda: _NOTHING, None, result, **AT_ONCE)
