"""Makes the result of a run from a candidate's best prompt, and scores that prompt on the final rows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from lamp.backbone.frozen import FrozenBackbone
from lamp.config import TuneConfig
from lamp.data.encoding import Encoder
from lamp.inference.evaluate import HeldOut
from lamp.inference.inspect_prompt import inspect_prompt
from lamp.inference.inspection import Inspection
from lamp.inference.scores import Scores
from lamp.prompt import LampPrompt
from lamp.training.candidate import Candidate
from lamp.training.final_scores import FinalScores, FinalTest
from lamp.training.reporter import Reporter
from lamp.training.result import TrainResult, Voter


@dataclass(frozen=True)
class Results:
    """Makes the results of a run."""

    backbone: FrozenBackbone
    encoder: Encoder
    held_out: HeldOut
    """The validation rows."""
    final_test: FinalTest
    first_prompt: Callable[[TuneConfig], LampPrompt | None]
    """Creates the prompt that a recipe started from once more; None if it no longer exists."""
    reporter: Reporter
    task: str

    def of(
        self,
        candidate: Candidate,
        others: Sequence[Candidate],
        step: int,
        untrained: Scores | None,
        *,
        stopped: bool,
        failure: str,
    ) -> TrainResult:
        """Scores a candidate's best prompt on the final rows, and returns it with its scores.

        others: candidates whose best prompts vote with it on labels; step: of the run; untrained: the validation scores
        without a prompt; stopped, failure: how the run ended.
        """
        standing = candidate.standing
        for one in (candidate, *others):
            if one.standing.dropped_at is None and one.standing.best_scores is None:  # stopped before it was scored
                one.keep_last(step)
        voters = tuple(Voter(one.best, one.best_prompt().forward().detach()) for one in others)
        prompt = candidate.best_prompt()
        virtual_tokens = prompt.forward().detach()
        embeddings = [voter.virtual_tokens for voter in voters]
        final = self.final_test.scores(virtual_tokens, embeddings, ended_early=stopped or bool(failure)) or FinalScores(
            "validation", len(self.held_out.examples), standing.best_scores or {}, untrained or {}, None
        )
        return TrainResult(
            factors=dict(candidate.best),
            virtual_tokens=virtual_tokens,
            voters=voters,
            token_dim=self.backbone.hidden_size,
            final=final,
            inspection=self._inspection(prompt, candidate.recipe),
            learning_rate=candidate.learning_rate,
            best_step=standing.best_step,
            step=step if standing.dropped_at is None else standing.dropped_at,
            stopped=stopped,
            failure=failure,
            task=self.task,
            labels=self.held_out.labels,
            encoder_decoder=self.backbone.is_encoder_decoder,
            auto_class=self.backbone.auto_class,
            chat=self.encoder.chat,
        )

    def _inspection(self, prompt: LampPrompt, recipe: TuneConfig) -> Inspection | None:
        """Inspects a prompt.

        Returns None after any error, such as too little memory, so that the trained prompt is not lost.
        """
        try:
            return inspect_prompt(self.backbone, prompt, self.first_prompt(recipe))
        except Exception as error:
            self.reporter.note(f"What the prompt is made of cannot be shown ({type(error).__name__}); it was trained.")
            return None
