"""Studio: the only door that pages, the HTTP API and scripts use."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path

from app import backbones, hub, hub_datasets, origins
from app.backbones import BackboneChoice
from app.bundle import zip_artifact
from app.datasets import Datasets
from app.hub_datasets import Fetched, Told
from app.jobs.forecast import Place, places
from app.jobs.housekeeping import extend
from app.jobs.slots import devices, visible_gpus
from app.predictor import Answer, Predictor, Written
from app.settings import Settings
from app.values import DatasetEntry, Estimate, Preview
from lamp.catalog import BackboneInfo, inspect
from lamp.chat import has_chat_template, no_template
from lamp.config import DataConfig, TuneConfig
from lamp.confusion import Confusion, read_confusion
from lamp.data import Splits, check_columns, guess_columns, render
from lamp.errors import BackboneError, ConfigError, DataError
from storage.artifacts import ArtifactStore
from storage.database import Database
from storage.errors import NotStored, StorageError
from storage.home import DiskUse, Home
from storage.jobs import Event, Job, JobState, JobStore
from storage.logs import tail
from storage.uploads import UploadStore

_PREVIEW_ROWS = 8
_PREVIEW_EXAMPLES = 3
_LONGEST_CELL = 300


class Studio:
    """Data sets, recipes, runs and trained prompts. Every failure is a LampError or StorageError of one sentence."""

    def __init__(self, settings: Settings, database: Database) -> None:
        self.settings = settings
        self._home = Home(settings.home)
        self._store = JobStore(database)
        self._artifacts = ArtifactStore(self._home.artifacts)
        self._datasets = Datasets(UploadStore(database, self._home.uploads))
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
        return hub_datasets.subsets(hub_datasets.plain_id(id))

    def hub_splits(self, id: str, subset: str) -> list[str]:
        """The splits of a subset, the one to learn from first. Raises DataError."""
        return hub_datasets.splits(hub_datasets.plain_id(id), subset)

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
        table = self._datasets.table(dataset)
        data = data or guess_columns(table.columns)
        problems: tuple[str, ...] = tuple(check_columns(data, table.columns))
        examples: tuple[tuple[str, str], ...] = ()
        splits = None
        if not problems:
            rows = table.rows[:_PREVIEW_EXAMPLES]
            examples = tuple((render(data, row)[0], row[data.target_column].strip()) for row in rows)
            try:
                splits = self._datasets.splits(dataset, data)
            except DataError as error:
                problems = (str(error),)
        return Preview(
            columns=tuple(table.columns),
            rows=tuple(
                tuple(_cut(row[column]) for column in table.columns) for row in table.rows[:_PREVIEW_ROWS]
            ),
            row_count=len(table.rows),
            examples=examples,
            task=splits.task if splits else "",
            labels=splits.labels if splits else {},
            train_rows=len(splits.train) if splits else 0,
            validation_rows=len(splits.validation) if splits else 0,
            problems=problems,
        )

    def estimate(self, config: TuneConfig, dataset: str, gpus: int = 1) -> Estimate:
        """What the recipe will train. Raises ConfigError with every reason why it cannot be started."""
        problems, splits, info = self._look(config, dataset)
        if problems or splits is None or info is None:
            raise ConfigError(problems)
        rows = config.train.steps * config.train.batch_size * config.train.accumulation * gpus
        return Estimate(
            architecture=info.architecture,
            hidden_size=info.hidden_size,
            backbone_parameters=info.parameters,
            trainable=config.lamp.trainable_parameters(info.hidden_size),
            virtual_tokens=config.lamp.virtual_tokens,
            steps=config.train.steps,
            epochs=rows / max(1, len(splits.train)),
            too_long=self._datasets.too_long(dataset, config.data, self.source(config.backbone)),
        )

    def problems(self, config: TuneConfig, dataset: str) -> list[str]:
        """Every reason why the recipe cannot be started, all at once; empty when it can."""
        return self._look(config, dataset)[0]

    def _look(self, config: TuneConfig, dataset: str) -> tuple[list[str], Splits | None, BackboneInfo | None]:
        """Problems, and what was found where there are none."""
        found: list[str] = []
        splits = info = None
        try:
            config.check()
        except ConfigError as error:
            found += error.problems
        try:
            if config.data.problems():
                self._datasets.table(dataset)
            else:
                splits = self._datasets.splits(dataset, config.data)
        except (DataError, StorageError) as error:
            found.append(str(error))
        found += origins.problems(config, self._store, self._artifacts)
        if config.train.quantization != "none" and not self._has_gpu:
            found.append("Weights in 8 or 4 bits want a CUDA GPU, and this machine has none: leave the backbone's "
                         "weights as they are.")
        if config.backbone.strip():
            try:
                info = inspect(self.source(config.backbone))
                if info.hidden_size < config.lamp.rank <= config.lamp.prompt_length:
                    found.append(
                        f"The rank ({config.lamp.rank}) is larger than the backbone's width ({info.hidden_size}): "
                        f"choose {info.hidden_size} or less."
                    )
                if config.data.input_format == "chat" and (
                    has_chat_template(self.source(config.backbone)) is False
                ):
                    found.append(no_template(config.backbone))
            except BackboneError as error:
                found.append(str(error))
        return found, splits, info

    def submit(
        self, config: TuneConfig, dataset: str, name: str = "", owner: str = "", parent: str | None = None,
        gpus: int = 1,
    ) -> str:
        """Queues a run and returns its id. Raises ConfigError with every problem; no run exists then.

        gpus: how many it trains on at once, each of them on batches of its own.
        """
        problems = self.problems(config, dataset)
        if type(gpus) is not int or not 1 <= gpus <= self.most_gpus:  # a script may send anything
            problems.append(f"The number of GPUs must be between 1 and {self.most_gpus} here, not {gpus!r}.")
        if problems:
            raise ConfigError(problems)
        self._home.check_space(self.settings.low_disk_bytes)
        return self._store.add(
            name.strip() or self._default_name(config, dataset), config.to_dict(), dataset,
            self._datasets.name(dataset), config.train.steps, owner=owner, parent=parent, gpus=gpus,
        ).id

    def source(self, backbone: str) -> str:
        """The folder or Hub id that a backbone is loaded from."""
        return backbones.resolve(self.settings.home, backbone, folders_allowed=not self.settings.on_space)

    def _default_name(self, config: TuneConfig, dataset: str) -> str:
        return f"{Path(self._datasets.name(dataset)).stem} on {Path(config.backbone).name}"

    # Runs

    def job(self, id: str) -> Job:
        """One run as it is now. Raises JobNotFound."""
        return self._store.get(id)

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
        return places(self._store, len(self._slots), datetime.now(UTC)).get(id)

    @cached_property
    def _slots(self) -> list[str]:
        return devices(self.settings.slots)

    @property
    def most_gpus(self) -> int:
        """How many GPUs one run can have; 1 also where there is none."""
        return len(set(self._slots))

    @cached_property
    def _has_gpu(self) -> bool:
        return bool(visible_gpus())

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
        self, id: str, texts: Sequence[str | Mapping[str, str]], progress: Callable[[str], None] = lambda _: None,
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
        self, id: str, repository: str, token: str, private: bool = True,
        progress: Callable[[str], None] = lambda _: None,
    ) -> str:
        """Puts the run's exported prompt on the Hub and returns its address; the token is used for this call only."""
        job = self._store.get(id)
        return hub.publish(self._artifacts.path(job.id), repository, token, private, progress)


def _cut(cell: str) -> str:
    return cell if len(cell) <= _LONGEST_CELL else cell[: _LONGEST_CELL - 1] + "…"
