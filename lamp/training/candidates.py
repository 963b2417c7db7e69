"""The candidates of a run: which are still trained, which is the best, and when the worse ones are dropped."""

from __future__ import annotations

from collections.abc import Sequence

from lamp.inference.scores import is_better
from lamp.training.candidate import Candidate
from lamp.training.halving import Rung
from lamp.training.sweep_recipes import differ_in_rate


class Candidates:
    """All candidates of one run, and the rungs at which some of them are dropped."""

    def __init__(self, candidates: Sequence[Candidate], rungs: Sequence[Rung]) -> None:
        self.all, self._rungs = candidates, rungs
        # Pages show a search for the learning rate only where recipes differ in nothing else.
        self.differ_in_rate = differ_in_rate([candidate.recipe for candidate in candidates])
        self.kind = "learning rate" if self.differ_in_rate else "recipe"
        """What tells the candidates apart, for sentences."""

    @property
    def trained(self) -> list[Candidate]:
        """The candidates that were not dropped."""
        return [candidate for candidate in self.all if candidate.standing.dropped_at is None]

    @property
    def searching(self) -> bool:
        """Whether candidates are still to be dropped."""
        return any(rung.keep < len(self.trained) for rung in self._rungs)

    @property
    def leader(self) -> Candidate:
        """The best of the trained candidates by the losses so far."""
        return min(self.trained, key=lambda candidate: candidate.rank)

    @property
    def winner(self) -> Candidate:
        """The best one by the held-out scores; while some are still to be dropped, the leader."""
        best = self.leader
        for candidate in [] if self.searching else self.trained:
            ours, others = candidate.standing.best_scores, best.standing.best_scores
            if ours is not None and (others is None or is_better(ours, others)):
                best = candidate
        return best

    @property
    def voters(self) -> list[Candidate]:
        """The other ones that were trained to the end; while some are still to be dropped, none."""
        winner = self.winner
        return [] if self.searching else [candidate for candidate in self.trained if candidate is not winner]

    def most_at(self, step: int) -> int:
        """Returns how many candidates may be trained after `step` steps.

        Earlier rungs count too: a run that was stopped and goes on with fewer steps has passed them.
        """
        return min((rung.keep for rung in self._rungs if rung.step <= step), default=len(self.trained))

    def metric(self, candidate: Candidate, what: str) -> str:
        """Returns the name of a metric of one of several candidates, such as "search/0.04/loss"."""
        return f"{'search' if self.differ_in_rate else 'sweep'}/{candidate.name}/{what}"
