"""Studio: the only door that pages, the HTTP API and scripts use."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from app import backbones
from app.backbones import BackboneChoice
from app.bundle import zip_artifact
from app.datasets import Datasets
from app.estimates import Place, places
from app.hub import fetching, publishing
from app.hub.fetching import Fetched, Told
from app.jobs.extend import extend
from app.predictor import Answer, Predictor, Written
from app.recipes import Recipes
from app.run import Run
from app.settings import Settings
from app.values import DatasetEntry, Estimate, Preview
from lamp.config import DataConfig, TuneConfig
from lamp.data.columns import guess_columns
from lamp.errors import ConfigError
from lamp.inference.confusion_matrix import Confusion, read_confusion
from storage.artifacts import ArtifactStore
from storage.database import Database
from storage.errors import NotStored
from storage.home import DiskUse, Home
from storage.jobs import Event, Job, JobState, JobStore
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
        self._recipes = Recipes(settings, self._datasets, self._store, self._artifacts)
        self._predictor = Predictor()

    # What can be picked

    def backbones(self) -> list[BackboneChoice]:
        """The offered backbones, those on this machine first."""
        return backbones.choices(self.settings.home)

    def datasets(self) -> list[DatasetEntry]:
        """The samples and everything that was uploaded."""
        return self._datasets.list()

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
        self, id: str, subset: str = "", split: str = "", told: Told = lambda rows, total: None
    ) -> tuple[DatasetEntry, Fetched]:
        """Keeps the first rows of a part of a data set on the Hub; raises DataError when they cannot be had."""
        self._home.check_space(self.settings.low_disk_bytes)
        return self._datasets.fetch(id, subset, split, told)

    def prompts(self) -> list[Job]:
        """Runs whose prompt another run may start from, newest first."""
        return [job for job in self.jobs() if job.artifact]

    # A recipe before it is started

    def guess_columns(self, dataset: str) -> DataConfig:
        """A first choice of input and target columns."""
        return guess_columns(self._datasets.table(dataset).columns)

    def preview(self, dataset: str, data: DataConfig | None = None) -> Preview:
        """The first rows, what the model will read, and every reason why this cannot be trained on.

        data: the chosen columns; None guesses them.
        """
        return self._recipes.preview(dataset, data)

    def estimate(self, config: TuneConfig, dataset: str, gpus: int = 1) -> Estimate:
        """What the recipe will train. Raises ConfigError with every reason why it cannot be started."""
        return self._recipes.estimate(config, dataset, gpus)

    def problems(self, config: TuneConfig, dataset: str, gpus: int = 1) -> list[str]:
        """Every reason why the recipe cannot be started, all at once; empty when it can."""
        return self._recipes.problems(config, dataset, gpus)

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
        problems = self.problems(config, dataset, gpus)
        if problems:
            raise ConfigError(problems)
        self._home.check_space(self.settings.low_disk_bytes)
        return self._store.add(
            name.strip() or self._default_name(config, dataset),
            config.to_dict(),
            dataset,
            self._datasets.name(dataset),
            config.train.steps,
            owner=owner,
            parent=parent,
            gpus=gpus,
        ).id

    def source(self, backbone: str) -> str:
        """The folder or Hub id that a backbone is loaded from."""
        return self._recipes.source(backbone)

    def _default_name(self, config: TuneConfig, dataset: str) -> str:
        return f"{Path(self._datasets.name(dataset)).stem} on {Path(config.backbone).name}"

    # Runs

    def job(self, id: str) -> Job:
        """One run as it is now. Raises JobNotFound."""
        return self._store.get(id)

    def run(self, id: str) -> Run:
        """One run with its recipe. Raises JobNotFound, ConfigError."""
        return Run.of(self._store.get(id))

    def jobs(self, limit: int = 100, offset: int = 0) -> list[Job]:
        """Runs, newest first."""
        return self._store.list(limit, offset)

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
        """Lets a queued run go before the others of its owner."""
        first = max((job.priority for job in self._store.list(states=[JobState.QUEUED])), default=0)
        return self._store.prioritize(id, first + 1)

    def queue_place(self, id: str) -> Place | None:
        """Where a queued run stands in the queue, None when it does not wait."""
        return places(self._store, len(self._recipes.slots)).get(id)

    @property
    def most_gpus(self) -> int:
        """How many GPUs one run can have, at least 1."""
        return self._recipes.most_gpus

    def log_tail(self, id: str, lines: int = 20) -> str:
        """The end of a run's log."""
        return tail(self._home.log(self._store.get(id).id), lines)

    def disk_use(self) -> DiskUse:
        """What the studio's files take and what is left; walks the folders."""
        return self._home.use()

    def curve(self, id: str, metric: str, points: int = 500) -> list[tuple[int, float]]:
        """(step, value) of a metric, at most `points`."""
        return self._store.curve(id, metric, points)

    def latest_metrics(self, id: str) -> dict[str, float]:
        """The last value of every metric."""
        return self._store.latest_metrics(id)

    def events(self, id: str) -> list[Event]:
        """The run's history, oldest first."""
        return self._store.events(id)

    # A trained prompt

    def try_prompt(
        self,
        id: str,
        texts: Sequence[str | Mapping[str, str]],
        progress: Callable[[str], None] = lambda _: None,
        written: Written | None = None,
    ) -> list[Answer]:
        """Each input answered with the run's prompt and without it; `written` hears of free text while it grows."""
        job = self._store.get(id)
        folder = self._artifacts.path(job.id)
        config = TuneConfig.from_dict(job.config)
        return self._predictor.answers(folder, self.source(config.backbone), texts, progress, written)

    def confusion(self, id: str) -> Confusion | None:
        """Which labels the run's prompt mistakes for which; None before there is a prompt, and for generation."""
        try:
            return read_confusion(self._artifacts.path(self._store.get(id).id))
        except NotStored:
            return None

    def export(self, id: str) -> Path:
        """A zip of the run's exported prompt, made once."""
        job = self._store.get(id)
        return zip_artifact(self._artifacts.path(job.id), self._home.root / "exports")

    def publish(
        self,
        id: str,
        repository: str,
        token: str,
        private: bool = True,
        progress: Callable[[str], None] = lambda _: None,
    ) -> str:
        """Puts the run's exported prompt on the Hub and returns its address; the token is used for this call only."""
        job = self._store.get(id)
        return publishing.publish(self._artifacts.path(job.id), repository, token, private, progress)
