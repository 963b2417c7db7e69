"""Studio: the only door that pages, the HTTP API and scripts use."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime
from functools import partial

from app.jobs.extend import extend
from app.run import Run
from app.studio_parts.datasets import StudioDatasets
from app.studio_parts.exports import StudioExports
from app.studio_parts.imports import StudioImports
from app.studio_parts.links import StudioLinks
from app.studio_parts.lists import StudioLists
from app.studio_parts.notes import StudioNotes
from app.studio_parts.person import StudioOfPerson
from app.studio_parts.publishing import StudioPublishing
from app.studio_parts.quotas import computes
from app.studio_parts.recipes import StudioRecipes
from app.studio_parts.serving import StudioServing
from app.studio_parts.tokens import StudioTokens
from app.studio_parts.ways import StudioWays
from app.views.comparison import ComparedRun, common_metric
from app.views.curves import Points
from app.views.estimates import Place, places
from app.views.results import read_results
from app.views.run_view import LOG_LINES, RunView, make_run_view
from app.views.score_samples import read_samples
from app.views.score_text import RunScores
from app.views.vitals import Vitals
from lamp.errors import DataError
from lamp.inference.confusion_matrix import ConfusionMatrix, read_confusion
from lamp.plain_line import visible
from storage.errors import JobNotFound, NotStored
from storage.home import DiskUse
from storage.jobs import Job, JobState
from storage.logs import tail


class Studio(
    StudioDatasets,
    StudioRecipes,
    StudioExports,
    StudioServing,
    StudioWays,
    StudioImports,
    StudioPublishing,
    StudioLists,
    StudioNotes,
    StudioTokens,
    StudioLinks,
    StudioOfPerson,
):
    """Data sets, recipes, runs and trained prompts. Every failure is a LampError or StorageError of one sentence.

    A new one is that of the one person to whom everything belongs; `as_` gives that of another person.
    """

    def job(self, id: str) -> Job:
        """One run as it is now. Raises JobNotFound."""
        return self._store.get(id)

    def run(self, id: str) -> Run:
        """One run with its recipe. Raises JobNotFound, ConfigError."""
        return Run.of(self._store.get(id))

    def run_view(self, id: str) -> RunView:
        """Everything that the page of one run shows. Raises JobNotFound, ConfigError, DataError."""
        job = self._store.get(id)
        if job.state.finished:
            return self._make_view(job)
        return self._views.view(job, partial(self._make_view, job))

    def _make_view(self, job: Job) -> RunView:
        run, store, now = Run.of(job), self._store, datetime.now(UTC)
        queued, ended = job.state is JobState.QUEUED, job.state.finished and job.deleted_at is None
        return make_run_view(
            run,
            now,
            metrics=store.latest_metrics(job.id),
            curve=partial(store.curve, job.id),
            short_curves=partial(store.short_curves, job.id),
            place=self._place(job) if queued else None,
            results=read_results(self._home.answers(job.id)) if ended else None,
            # An imported prompt brings its maker's counts, which are of other rows than those it was scored on here.
            confusion=self._confusion(job) if ended and not (run.imported and job.dataset) else None,
            events=store.events(job.id),
            log="\n".join(map(visible, tail(self._home.log(job.id), LOG_LINES).split("\n"))),
            samples=read_samples(self._home.samples(job.id)),
            parent=self._parent(job),
            source=self._datasets.source(job.dataset),
        )

    def compare(self, ids: Sequence[str]) -> tuple[list[ComparedRun], str | None]:
        """Runs side by side, and the metric by which they are compared. Raises JobNotFound, ConfigError, DataError."""
        runs = [self.run(id) for id in ids]
        metric = common_metric([self._metrics_of(run.job) for run in runs])
        watched = f"validation/{metric or 'loss'}"
        return [
            ComparedRun(
                run,
                self.results(run.job.id) if run.job.state.finished else None,
                self._store.curve(run.job.id, "loss"),
                self._store.curve(run.job.id, watched),
            )
            for run in runs
        ], metric

    def stop(self, id: str) -> Job:
        """Asks a run to end; its best prompt so far is exported."""
        return self._store.request_stop(id)

    @computes
    def resume(self, id: str) -> Job:
        """Queues a stopped, interrupted or failed run again; it goes on from its last checkpoint."""
        self._check_dataset(id)
        self._check_run()
        self._home.check_space(self.settings.low_disk_bytes)
        return self._store.resume(id)

    @computes
    def extend(self, id: str, steps: int) -> str:
        """Queues a new run that goes on where a finished one ended, up to `steps` in all; returns its id."""
        self._check_dataset(id)
        self._check_run(steps)
        self._home.check_space(self.settings.low_disk_bytes)
        return extend(self._store, self._home, id, steps).id

    def delete(self, id: str) -> Job:
        """Hides a run that is not running; `restore` brings it back for a day."""
        job = self._store.delete(id)
        self.stop_comparing(id)
        self.stop_exporting(id)
        self.stop_serving(id)
        return job

    def restore(self, id: str) -> Job:
        """Brings a deleted run back."""
        return self._store.restore(id)

    def raise_priority(self, id: str) -> Job:
        """Moves a queued run before the others of its owner."""
        return self._store.put_first(id)

    def vitals(self) -> Vitals:
        """How the studio is doing, with this person's runs; quick. Raises StorageError when it cannot work."""
        return Vitals(self._store.count(), len(self._recipes.slots), self._home.free_bytes())

    def disk_use(self) -> DiskUse:
        """How much disk space this person's files take and how much is free; looks at every file of theirs."""
        if self.person.is_admin:
            return self._home.use()
        return self._home.use_of(self._store.ids(), self._datasets.bytes())

    def latest_metrics(self, id: str) -> dict[str, float]:
        """The last value of every metric of a run. Raises JobNotFound."""
        return self._store.latest_metrics(id)

    def curve(self, id: str, metric: str) -> Points:
        """(step, value) of a run's metric. Raises JobNotFound."""
        return self._store.curve(id, metric)

    def _place(self, job: Job) -> Place | None:
        """A waiting run's place among everybody's."""
        return places(self._everyone, len(self._recipes.slots), self.settings.at_once).get(job.id)

    def _parent(self, job: Job) -> Job | None:
        """The run that a run was started from; None where there is none, or no longer."""
        with suppress(JobNotFound):
            return self._store.get(job.parent) if job.parent else None
        return None

    def _metrics_of(self, job: Job) -> set[str]:
        """The metrics by which a run can be compared: of its final scores, or of its curves before it has those."""
        if tuned := RunScores.of(job.scores).tuned:
            return set(tuned)
        logged = self._store.latest_metrics(job.id)
        return {name.removeprefix("validation/") for name in logged if name.startswith("validation/")}

    def _check_dataset(self, id: str) -> None:
        """Raises DataError when a data set that a run was started with is gone."""
        run = Run.of(self._store.get(id))
        job, data = run.job, run.config.data
        named = {
            f"data set {job.dataset_name!r}": job.dataset,
            "validation data": data.validation_data,
            "test data": data.test_data,
        }
        for what, reference in named.items():
            if reference and not self._datasets.is_there(reference):
                raise DataError(
                    f"The {what} of the run {job.name!r} is gone: add the same file again, and the run can go on from "
                    "where it ended."
                )

    def _confusion(self, job: Job) -> ConfusionMatrix | None:
        """The confusion matrix of the run's prompt; None before there is a prompt, and for generation."""
        try:
            return read_confusion(self._artifacts.path(job.id))
        except NotStored:
            return None
