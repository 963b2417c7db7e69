"""The part of Studio that looks into trained prompts: what their tokens add, and how two of them mix."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from app.answering.answer import Mix, Request
from app.answering.mix_scores import MixScores, score_prompts
from app.answering.token_weights import TokenWeights, read_weights, some_of, weigh_tokens, write_weights
from app.data.rows_to_try import scored_dataset
from app.limits import shown
from app.run import Run
from app.studio_parts.prompts import StudioPrompts
from app.studio_parts.quotas import computes
from lamp.errors import DataError
from lamp.inference.inspection import Inspection, read_inspection
from storage.jobs import Job

OnShare = Callable[[float, str], None]
"""Called with the share that is done and a short sentence."""

_MOST_MIXED = 200
"""Rows on which a mix is scored"""


@dataclass(frozen=True)
class _Rescored:
    """Some of the rows that a prompt was scored on, to be scored again with a changed prompt."""

    request: Request
    places: tuple[int, ...]
    """In the data set, from 0"""
    expected: tuple[str, ...]
    of_rows: int
    labels: bool


class StudioInspecting(StudioPrompts):
    """What can be seen in a trained prompt, and measured when parts of it are changed."""

    def inspection(self, id: str) -> Inspection | None:
        """What can be seen in the run's prompt; None where nothing was kept. Raises DataError."""
        return read_inspection(self._home.inspection(self._store.get(id).id))

    def token_weights(self, id: str) -> TokenWeights | None:
        """What each virtual token of the run's prompt adds; None before `weigh_tokens`. Raises DataError."""
        return read_weights(self._home.token_weights(self._store.get(id).id))

    @computes
    def weigh_tokens(self, id: str, on_progress: OnShare) -> TokenWeights:
        """Measures what each virtual token adds, on some tested rows, and keeps it. Raises LampError, StorageError."""
        seen = self.inspection(id)
        if seen is None:
            raise DataError("What can be seen in this prompt was not kept, so that its tokens are not known.")
        rows = self._rescored(Run.of(self._store.get(id)))
        weights = weigh_tokens(
            self._answerer, rows.request, rows.expected, len(seen.tokens), on_progress, labels=rows.labels
        )
        write_weights(weights, self._home.token_weights(self._store.get(id).id))
        self._home.keep(id)
        return weights

    def mix_partners(self, id: str) -> list[Job]:
        """Runs whose prompts can be mixed with the run's, those first that can be blended and learned the same data."""
        own = Run.of(self._store.get(id))

        def unlike(job: Job) -> tuple[bool, bool]:
            tokens = Run.of(job).config.lamp.virtual_tokens
            return tokens != own.config.lamp.virtual_tokens, job.dataset != own.job.dataset

        return sorted(self.beside(id), key=unlike)

    def mix_problem(self, id: str, other: str, way: str) -> str:
        """Why the run's prompt cannot be mixed with another run's in one of WAYS; "" as far as nothing speaks against
        it before their model is loaded."""
        if other not in {job.id for job in self.beside(id)}:
            return "Choose another run of the same model whose prompt reads the same columns."
        own, others = (Run.of(self._store.get(run)).config.lamp.virtual_tokens for run in (id, other))
        if way == "blend" and own != others:
            return (
                f"Prompts of {own} and {others} virtual tokens cannot be blended: choose another of {own}, or put one "
                "after the other."
            )
        return ""

    @computes
    def score_mix(self, id: str, other: str, way: str, share: float, on_progress: OnShare) -> MixScores:
        """Scores the run's prompt mixed with another run's, and each alone, on rows that the run was scored on.

        way: "blend", with this share of the run's own prompt, 0 to 1, or "after". Raises LampError, StorageError.
        """
        if way not in ("blend", "after"):
            raise DataError(f"Two prompts can be put together by blend or after, not by {shown(way)}.")
        if problem := self.mix_problem(id, other, way):
            raise DataError(problem)
        if not 0 <= share <= 1:
            raise DataError(f"The share of a blend must be between 0 and 100 %, not {100 * share:g} %.")
        run, partner = Run.of(self._store.get(id)), Run.of(self._store.get(other))
        rows = self._rescored(run, _MOST_MIXED)
        mix = Mix(self._request(partner).folder, way, share)
        scores = score_prompts(self._answerer, rows.request, rows.expected, mix, on_progress, labels=rows.labels)
        own, others, mixed = map(tuple, scores)
        learned = self._learned(partner, scored_dataset(run), rows.places)
        return MixScores("accuracy" if rows.labels else "loss", own, others, mixed, rows.of_rows, learned)

    def _rescored(self, run: Run, *most: int) -> _Rescored:
        """most: how many rows, where it is not as many as for the weights of tokens. Raises DataError."""
        results = self.results(run.job.id)
        if results is None:
            raise DataError("The rows that this prompt was scored on were not kept: a new run keeps them.")
        expected = {answer.row: answer.expected for answer in results.answers}
        places = some_of(list(expected), *most)
        rows = self._datasets.file(scored_dataset(run)).table().take(places)
        inputs = tuple({column: row[column] for column in run.config.data.input_columns} for row in rows)
        request = replace(self._request(run), inputs=inputs)
        right = tuple(expected[place] for place in places)
        return _Rescored(request, tuple(places), right, len(expected), results.are_labels)

    def _learned(self, run: Run, dataset: str, places: tuple[int, ...]) -> int | None:
        """How many of the rows of a data set a run has learned from; None where that is not known."""
        if run.imported or run.job.dataset != dataset:
            return None
        return len(self._recipes.learned_from(run.config, dataset, places))
