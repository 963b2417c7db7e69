"""The final scores of a run: its best prompt and the untrained backbone, on rows held out for this."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from lamp.backbone.frozen import FrozenBackbone
from lamp.data.encoding import Encoder
from lamp.inference.answers import RowAnswer, row_answers
from lamp.inference.confusion_matrix import ConfusionMatrix
from lamp.inference.evaluate import Evaluation, HeldOut, evaluate, evaluate_vote
from lamp.inference.scores import Scores, merge_scores
from lamp.training.log_text import format_scores, sample_line, samples_of
from lamp.training.reporter import Reporter
from lamp.training.stopping import StopRequested, any_process

Part = Literal["test", "validation"]

_SECONDS_AFTER_STOP = 120.0
"""Time limit of the final scores after a stop, because a scheduler that asked for the stop soon kills the process."""


@dataclass(frozen=True)
class FinalScores:
    """Scores of a run's best prompt on held-out rows, and of the untrained backbone on the same rows."""

    part: Part
    """"test", or "validation" where there are no test rows; the latter flatter the prompt, which was chosen by them."""
    rows: int
    scores: Scores
    untrained_scores: Scores
    confusion: ConfusionMatrix | None
    """None for generation, and where nothing was scored"""
    vote_scores: Scores | None = None
    """Scores of the labels chosen by this prompt and others together; None without others"""
    answers: tuple[RowAnswer, ...] = ()
    """Answers to the scored rows; empty if the run was stopped before they were complete"""

    def merged(self) -> Scores:
        """Returns all scores in one dictionary, as files and the database store them.

        The number of rows is stored as "test_rows" or "validation_rows".
        """
        scores = merge_scores(self.scores, self.untrained_scores, self.vote_scores)
        return {**scores, f"{self.part}_rows": float(self.rows)}


class FinalTest:
    """Scores prompts on the final rows; the untrained backbone is scored only once."""

    def __init__(
        self,
        backbone: FrozenBackbone,
        encoder: Encoder,
        rows: HeldOut,
        part: Part,
        most_written: int,
        reporter: Reporter,
    ) -> None:
        """most_written: the most rows that are answered in free text."""
        self._backbone, self._encoder, self._rows, self._part = backbone, encoder, rows, part
        self._most_written, self._reporter = most_written, reporter
        self._untrained: Evaluation | None = None

    def scores(self, virtual: Tensor, others: Sequence[Tensor] = (), *, ended_early: bool) -> FinalScores | None:
        """Scores virtual tokens (l', hidden); returns None if the run is stopped before the scores are known.

        others: further prompts that vote with it on labels; ended_early: whether the run was stopped already: then no
        texts are written, and the time is limited.
        """
        reporter, rows, written = self._reporter, self._rows, 0 if ended_early else self._most_written
        what = f"{'Testing' if self._part == 'test' else 'Scoring'} on {len(rows.examples)} {self._part} rows"
        latest = time.monotonic() + _SECONDS_AFTER_STOP

        def check(share: float) -> None:
            if any_process(time.monotonic() > latest if ended_early else reporter.should_stop()):
                raise StopRequested
            reporter.part(share)

        @torch.inference_mode()
        def evaluated(virtual: Tensor | None) -> Evaluation:
            return evaluate(self._backbone, virtual, self._encoder, rows, written=written, on_progress=check)

        @torch.inference_mode()
        def voted(voters: Sequence[Tensor]) -> tuple[Evaluation, Evaluation]:
            return evaluate_vote(self._backbone, voters, self._encoder, rows, on_progress=check)

        try:
            if self._untrained is None:
                reporter.phase(f"{what}, without the prompt")
                self._untrained = evaluated(None)
            reporter.phase(f"{what}, with the prompt{f' and {len(others)} more' if others else ''}")
            on_device = [prompt.to(self._backbone.device) for prompt in (virtual, *others)]
            tuned, vote = voted(on_device) if others else (evaluated(on_device[0]), None)
            untrained = self._untrained
        except StopRequested:
            reporter.note("The final scores were not finished: those of the validation rows stand in for them.")
            return None
        reporter.note(
            f"On {len(rows.examples)} {self._part} rows without the prompt: {format_scores(untrained.scores)}"
        )
        reporter.note(f"On {len(rows.examples)} {self._part} rows with the prompt: {format_scores(tuned.scores)}")
        if vote is not None:
            reporter.note(
                f"On {len(rows.examples)} {self._part} rows by the vote of {len(on_device)} prompts: "
                f"{format_scores(vote.scores)}"
            )
        for line in map(sample_line, samples_of(rows.examples, tuned.predictions)):
            reporter.note(line)
        answers = row_answers(rows.examples, tuned.predictions, tuned.confidences, untrained.predictions)
        by_vote = None if vote is None else vote.scores
        return FinalScores(
            self._part, len(rows.examples), tuned.scores, untrained.scores, tuned.confusion, by_vote, answers
        )
