"""The part of Studio that compares a run's prompt with other ways to the same answers."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from app.answering.prompt_kind import prompt_kind
from app.disk_full import full_disk_told
from app.jobs.comparing import comparison_config
from app.prompts.bundle import ways_csv
from app.run import Run
from app.studio_parts.prompts import StudioPrompts
from app.studio_parts.quotas import computes
from app.views.estimates import seconds_trained
from app.views.score_text import RunScores
from app.views.worth import Cost, Worth, worth_of
from lamp.baselines.ways import NUMBER_BYTES, TRAINED, WAYS, Request, proposed_instruction, read_ways
from lamp.errors import ConfigError, DataError
from storage.errors import WrongState
from storage.jobs import Job


class StudioWays(StudioPrompts):
    """Comparisons wait in the queue of runs and are worked on like them, but are listed with their run alone."""

    def proposed_instruction(self, id: str) -> str:
        """An instruction for the model without a prompt, made from the run's labels or its target column."""
        run = Run.of(self._store.get(id))
        return proposed_instruction(prompt_kind(self._artifacts.path(run.job.id)).labels, run.config.data.target_column)

    def seconds_of_ways(self, id: str, ways: Sequence[str]) -> float | None:
        """About how long trying these ways takes, at the speed of the run itself; None where that is unknown."""
        seconds = seconds_trained(self._store, Run.of(self._store.get(id)), "found")
        scoring = self._store.latest_metrics(id).get("scoring_seconds", 0.0)
        return None if seconds is None else seconds * len(set(ways) & set(TRAINED)) + scoring * len(ways)

    @computes
    def compare_ways(self, id: str, ways: Sequence[str] = WAYS, instruction: str = "") -> str:
        """Queues a comparison of the run's prompt with other ways; returns the comparison's id.

        instruction: for the way of that name; "" for the proposed one. What was tried before is tried again.
        """
        run = Run.of(self._store.get(id))
        if run.imported:
            raise DataError("Other ways learn from the rows that a run learned from, and these are not known here.")
        if self.results(id) is None or run.job.finished_at is None or not run.job.artifact:
            raise DataError("Only an ended run, whose tested rows were kept, can be compared with other ways.")
        if not isinstance(ways, list | tuple) or not isinstance(instruction, str):
            raise ConfigError(["Give the ways as a list of names, and the instruction as a text."])
        request = Request(tuple(dict.fromkeys(ways)), instruction.strip() or self.proposed_instruction(id))
        request.check()
        going = self._store.comparison(id)
        if going is not None and not going.state.finished:
            raise WrongState("This run is being compared already: wait for that, or stop it.")
        self._check_run()
        self._home.check_space(self.settings.low_disk_bytes)
        return self._store.add(
            f"{run.job.name[:100]}, other ways",
            comparison_config(run, request, _made_for(run.job)),
            run.job.dataset,
            run.job.dataset_name,
            len(request.ways),
            owner=run.job.owner,
            parent=run.job.id,
            kind="comparison",
        ).id

    def comparison(self, id: str) -> Job | None:
        """The newest comparison of the run's prompt; None where there is none."""
        run, job = self._store.get(id), self._store.comparison(id)
        return job if job is not None and job.config.get("made_for") == _made_for(run) else None

    def stop_comparing(self, id: str) -> None:
        """Ends the comparison of a run; what it has finished stays."""
        if (job := self._store.comparison(id)) is not None:
            self._store.request_stop(job.id)

    @computes
    def resume_comparing(self, id: str) -> None:
        """Queues a comparison that ended early again; it goes on with the ways that are left."""
        job = self.comparison(id)
        if job is None:
            raise WrongState("There is no comparison to go on with: begin one.")
        self._check_run()
        self._store.resume(job.id)

    def worth(self, id: str) -> Worth | None:
        """The run's prompt beside the ways that were tried; None where the run has no answers to tested rows."""
        run, results = Run.of(self._store.get(id)), self.results(id)
        if results is None or not run.job.artifact or run.imported:
            return None
        lamp = run.config.lamp
        numbers = lamp.trainable_parameters(prompt_kind(self._artifacts.path(run.job.id)).width)
        seconds = seconds_trained(self._store, run, run.config.train.learning_rate)
        ways = read_ways(self._home.other_ways(run.job.id), _made_for(run.job))
        own = Cost(numbers, lamp.virtual_tokens, NUMBER_BYTES * numbers, seconds)
        return worth_of(results, ways, RunScores.of(run.job.scores).tested, own)

    def worth_file(self, id: str) -> Path:
        """The same as a CSV file, named after the run. Raises DataError when there is nothing."""
        job, worth = self._store.get(id), self.worth(id)
        if worth is None or not worth.any_tried:
            raise DataError(f"The run {job.name!r} was not compared with other ways.")
        with full_disk_told("the comparison cannot be exported"):
            return ways_csv(worth, self._home.root / "exports" / job.id, job.name)


def _made_for(run: Job) -> str:
    """Tells the prompts of a run apart: it has another one after each time that it was resumed."""
    return run.finished_at.isoformat() if run.finished_at else ""
