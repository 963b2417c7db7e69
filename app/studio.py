"""Studio: the only door that pages, the HTTP API and scripts use."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from app.answering.answer import Answer, OnAnswers, Request
from app.answering.answer_list import ListProgress
from app.answering.answer_lists import AnswerLists
from app.answering.answerer import Answerer
from app.answering.inputs import checked_inputs
from app.answering.list_table import file_table, pasted_table
from app.answering.prompt_kind import writes_texts
from app.backbones import BackboneChoice, Backbones
from app.bundle import file_name, results_csv, zip_artifact
from app.datasets import DatasetEntry, Datasets, first_rows
from app.estimates import places
from app.hub import fetching, publishing
from app.hub.fetching import Fetched, OnRows
from app.jobs.extend import extend
from app.plan import Plan
from app.recipes import Recipes
from app.run import Run
from app.settings import Settings
from app.views.comparison import ComparedRun, common_metric
from app.views.results import Results, read_results
from app.views.run_view import LOG_LINES, RunView, make_run_view
from lamp.config import DataConfig, TuneConfig
from lamp.data.column_roles import guess_columns
from lamp.data.tables import Table
from lamp.errors import ConfigError, DataError
from lamp.inference.confusion_matrix import ConfusionMatrix, read_confusion
from lamp.sampling import GREEDY, Sampling
from storage.artifacts import ArtifactStore
from storage.database import Database
from storage.errors import NotStored
from storage.home import DiskUse, Home
from storage.jobs import Job, JobState, JobStore
from storage.logs import tail
from storage.uploads import UploadStore


class Studio:
    """Data sets, recipes, runs and trained prompts. Every failure is a LampError or StorageError of one sentence."""

    def __init__(self, settings: Settings, database: Database) -> None:
        self.settings = settings
        self._home = Home(settings.home)
        self._store = JobStore(database)
        self._artifacts = ArtifactStore(self._home.artifacts)
        self._datasets = Datasets(UploadStore(database, self._home.uploads))
        self._backbones = Backbones(settings)
        self._recipes = Recipes(settings, self._datasets, self._backbones, self._store, self._artifacts)
        self._answerer = Answerer()
        self._lists = AnswerLists(self._answerer)

    def close(self) -> None:
        """Ends the process that answers. Runs go on."""
        self._lists.close()
        self._answerer.close()

    # What can be picked

    def backbones(self) -> list[BackboneChoice]:
        """The offered backbones, those on this machine first."""
        return self._backbones.choices()

    def datasets(self) -> list[DatasetEntry]:
        """The samples and everything that was uploaded."""
        return self._datasets.list()

    def dataset(self, reference: str) -> DatasetEntry:
        """One data set, its columns included. Raises DataError, StorageError."""
        return self._datasets.entry(reference)

    def first_rows(self, dataset: str) -> tuple[dict[str, str], ...]:
        """The first rows of a data set, whole: column → cell. Raises DataError, StorageError."""
        return first_rows(self._datasets.file(dataset).table(), longest_cell=None)

    def add_dataset(self, path: Path, name: str) -> DatasetEntry:
        """Keeps a copy of a file that can be read as a table; raises DataError when it cannot."""
        return self._datasets.add(path, name)

    def hub_subsets(self, id: str) -> list[str]:
        """The subsets of a data set on the Hub, by its id or its page's address. Raises DataError."""
        return fetching.subsets(fetching.plain_id(id))

    def hub_splits(self, id: str, subset: str) -> list[str]:
        """The splits of a subset, the one to learn from first. Raises DataError."""
        return fetching.splits(fetching.plain_id(id), subset)

    def fetch_dataset(
        self, id: str, subset: str = "", split: str = "", on_rows: OnRows = lambda rows, total: None
    ) -> tuple[DatasetEntry, Fetched]:
        """Keeps the first rows of a part of a data set on the Hub; raises DataError when they cannot be had."""
        self._home.check_space(self.settings.low_disk_bytes)
        return self._datasets.fetch(id, subset, split, on_rows)

    def prompts(self) -> list[Job]:
        """Runs whose prompt another run may start from, newest first."""
        return [job for job in self.jobs() if job.artifact]

    # A recipe before it is started

    def guess_columns(self, dataset: str) -> DataConfig:
        """A first choice of input and target columns. Raises DataError, StorageError."""
        return guess_columns(self._datasets.file(dataset).table())

    def plan(self, config: TuneConfig, dataset: str, gpus: int = 1) -> Plan:
        """What the recipe would read and train, and every reason why it cannot be started."""
        return self._recipes.plan(config, dataset, gpus)

    def submit(
        self,
        config: TuneConfig,
        dataset: str,
        name: str = "",
        owner: str = "",
        parent: str | None = None,
        gpus: int = 1,
    ) -> str:
        """Queues a run and returns its id. Raises ConfigError with every problem; no run exists then.

        gpus: how many it trains on at once, each of them on batches of its own.
        """
        plan = self.plan(config, dataset, gpus)
        if plan.preview is None or plan.problems:
            raise ConfigError(plan.problems)
        dataset_name = plan.preview.dataset_name
        name = name.strip() or f"{Path(dataset_name).stem} on {Path(config.backbone).name}"
        self._home.check_space(self.settings.low_disk_bytes)
        return self._store.add(
            name, config.to_dict(), dataset, dataset_name, config.train.steps, owner=owner, parent=parent, gpus=gpus
        ).id

    # Runs

    def job(self, id: str) -> Job:
        """One run as it is now. Raises JobNotFound."""
        return self._store.get(id)

    def run(self, id: str) -> Run:
        """One run with its recipe. Raises JobNotFound, ConfigError."""
        return Run.of(self._store.get(id))

    def run_view(self, id: str) -> RunView:
        """Everything that the page of one run shows. Raises JobNotFound, ConfigError, DataError."""
        run, store, now = self.run(id), self._store, datetime.now(UTC)
        job = run.job
        queued, ended = job.state is JobState.QUEUED, job.state.finished and job.deleted_at is None
        return make_run_view(
            run,
            now,
            metrics=store.latest_metrics(job.id),
            curve=partial(store.curve, job.id),
            short_curves=partial(store.short_curves, job.id),
            place=places(store, len(self._recipes.slots)).get(job.id) if queued else None,
            results=read_results(self._home.answers(job.id)) if ended else None,
            confusion=self._confusion(job) if ended else None,
            events=store.events(job.id),
            log=tail(self._home.log(job.id), LOG_LINES),
        )

    def compare(self, ids: Sequence[str]) -> tuple[list[ComparedRun], str | None]:
        """Runs side by side, and the metric by which they are compared. Raises JobNotFound, ConfigError, DataError."""
        runs = [self.run(id) for id in ids]
        metric = common_metric(runs)
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

    def jobs(
        self, limit: int = 100, offset: int = 0, states: Collection[JobState] | None = None, text: str = ""
    ) -> list[Job]:
        """Runs, newest first. states: only runs in one of these; text: only runs in which these words occur."""
        return self._store.list(limit, offset, states, text=text)

    def deleted_jobs(self, limit: int = 100, text: str = "") -> list[Job]:
        """Deleted runs that can still be brought back, newest first. text: as in `jobs`."""
        return self._store.list(limit, text=text, deleted=True)

    def stop(self, id: str) -> Job:
        """Asks a run to end; its best prompt so far is exported."""
        return self._store.request_stop(id)

    def resume(self, id: str) -> Job:
        """Queues a stopped, interrupted or failed run again; it goes on from its last checkpoint."""
        self._home.check_space(self.settings.low_disk_bytes)
        return self._store.resume(id)

    def extend(self, id: str, steps: int) -> str:
        """Queues a new run that goes on where a finished one ended, up to `steps` in all; returns its id."""
        self._home.check_space(self.settings.low_disk_bytes)
        return extend(self._store, self._home, id, steps).id

    def rename(self, id: str, name: str) -> Job:
        """Gives a run another name."""
        if not name.strip():
            raise ConfigError(["Give the run a name: it cannot be empty."])
        return self._store.rename(id, name.strip()[:120])

    def annotate(self, id: str, note: str, tags: Sequence[str]) -> Job:
        """Sets a run's note and tags."""
        return self._store.annotate(id, note.strip(), tags)

    def delete(self, id: str) -> Job:
        """Hides a run that is not running; `restore` brings it back for a day."""
        return self._store.delete(id)

    def restore(self, id: str) -> Job:
        """Brings a deleted run back."""
        return self._store.restore(id)

    def raise_priority(self, id: str) -> Job:
        """Moves a queued run before the others of its owner."""
        first = max((job.priority for job in self._store.list(states=[JobState.QUEUED])), default=0)
        return self._store.prioritize(id, first + 1)

    @property
    def most_gpus(self) -> int:
        """How many GPUs one run can have, at least 1."""
        return self._recipes.most_gpus

    def disk_use(self) -> DiskUse:
        """How much disk space the studio's files take and how much is free; looks at every file."""
        return self._home.use()

    def latest_metrics(self, id: str) -> dict[str, float]:
        """The last value of every metric of a run. Raises JobNotFound."""
        return self._store.latest_metrics(id)

    # A trained prompt

    def writes_texts(self, id: str) -> bool:
        """Whether the run's prompt answers with free text, and not with a label. Raises NotStored, DataError."""
        return writes_texts(self._artifacts.path(self._store.get(id).id))

    def learned_from(self, id: str, row: int) -> bool:
        """Whether the run learned from a row of its data set. row: its place from 0. Raises DataError, StorageError."""
        run = self.run(id)
        return self._recipes.learned_from(run.config, run.job.dataset, row)

    def warm_up(self, id: str, on_progress: Callable[[str], None] = lambda _: None) -> None:
        """Loads the backbone of the run's prompt, so that the first try is answered at once. Raises LampError."""
        self._answerer.answers(self._request(self.run(id)), on_progress)

    def try_prompt(
        self,
        id: str,
        inputs: Sequence[str | Mapping[str, str]],
        on_progress: Callable[[str], None] = lambda _: None,
        on_answers: OnAnswers | None = None,
        sampling: Sampling = GREEDY,
    ) -> list[Answer]:
        """Each input answered with the run's prompt and without it.

        inputs: a text, or a value for each input column; on_progress: called with one short sentence at each stage;
        on_answers: called with all answers so far while free text is generated; sampling: of free text.
        """
        run = self.run(id)
        checked = checked_inputs(run.config.data, inputs)  # first of all: a wrong input needs no backbone to be refused
        on_progress("Getting ready")
        request = replace(self._request(run), inputs=tuple(checked), sampling=sampling)
        return self._answerer.answers(request, on_progress, on_answers)

    def answer_file(self, id: str, path: Path, name: str) -> None:
        """Begins to answer every row of a file with the run's prompt, in the background.

        name: of the file as its owner knows it. Raises DataError for a file that is no table or lacks a column.
        """
        data = self.run(id).config.data
        self._start_list(id, name, lambda converted: file_table(path, name, converted, data))

    def answer_lines(self, id: str, text: str) -> None:
        """The same for each line of a text, where the prompt reads one column. Raises DataError."""
        data = self.run(id).config.data
        self._start_list(id, "", lambda _: pasted_table(text, data))

    def list_progress(self, id: str) -> ListProgress | None:
        """How far the run's last list is; None if there was none since the studio's start."""
        return self._lists.progress(id)

    def cancel_list(self, id: str) -> None:
        """Has the run's list end after its batch; what is answered by then is kept."""
        self._lists.cancel(id)

    def _start_list(self, id: str, source: str, read: Callable[[Path], Table]) -> None:
        run = self.run(id)
        folder, names = (
            self._home.root / "exports" / f"{run.job.id}-answers",
            (source, f"{file_name(run.job.name)}-answers"),
        )
        request = replace(self._request(run), untrained=False)
        self._lists.start(run.job.id, request, run.config.data, read, folder, names)

    def _request(self, run: Run) -> Request:
        """A request for the run's prompt, still without inputs. Raises NotStored."""
        folder = self._artifacts.path(run.job.id)
        return Request(str(folder), self._backbones.source(run.config.backbone))

    def results(self, id: str) -> Results | None:
        """What the run's prompt answered to its held-out rows; None where nothing was kept. Raises DataError."""
        return read_results(self._home.answers(self._store.get(id).id))

    def results_file(self, id: str) -> Path:
        """The same as a CSV file, named after the run. Raises DataError when there is nothing."""
        job, results = self._store.get(id), self.results(id)
        if results is None:
            raise DataError(f"The run {job.name!r} has no answers to held-out rows.")
        return results_csv(results, self._home.root / "exports" / job.id, job.name)

    def export(self, id: str) -> Path:
        """A zip of the run's exported prompt, made once."""
        job = self._store.get(id)
        return zip_artifact(self._artifacts.path(job.id), self._home.root / "exports", job.name)

    def publish(
        self,
        id: str,
        repository: str,
        token: str,
        private: bool = True,
        on_progress: Callable[[str], None] = lambda _: None,
    ) -> str:
        """Puts the run's exported prompt on the Hub and returns its address; the token is used for this call only."""
        folder = self._artifacts.path(self._store.get(id).id)
        return publishing.publish(folder, repository, token, private, on_progress)

    def _confusion(self, job: Job) -> ConfusionMatrix | None:
        """The confusion matrix of the run's prompt; None before there is a prompt, and for generation."""
        try:
            return read_confusion(self._artifacts.path(job.id))
        except NotStored:
            return None
