"""Recipes before they are started: what they would read and train, and everything that stands in their way."""

from __future__ import annotations

from functools import cached_property

from app import backbones, initial_prompts
from app.datasets import Datasets
from app.estimates import speed_on
from app.jobs.slots import devices, visible_gpus
from app.settings import Settings
from app.values import Estimate, Preview
from lamp.config import DataConfig, TuneConfig
from lamp.data.chat import no_template
from lamp.data.columns import check_columns, guess_columns, render
from lamp.data.splits import Splits
from lamp.errors import BackboneError, ConfigError, DataError
from lamp.hub.backbone_files import has_chat_template
from lamp.hub.catalog import BackboneInfo, inspect
from storage.artifacts import ArtifactStore
from storage.errors import StorageError
from storage.jobs import JobStore

_PREVIEW_ROWS = 8
_PREVIEW_EXAMPLES = 3
_LONGEST_CELL = 300


class Recipes:
    """Looks at recipes with this studio's data sets, backbones, prompts and devices; starts nothing."""

    def __init__(self, settings: Settings, datasets: Datasets, store: JobStore, artifacts: ArtifactStore) -> None:
        self._settings, self._datasets, self._store, self._artifacts = settings, datasets, store, artifacts

    def preview(self, dataset: str, data: DataConfig | None) -> Preview:
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
            rows=tuple(tuple(_cut(row[column]) for column in table.columns) for row in table.rows[:_PREVIEW_ROWS]),
            row_count=len(table.rows),
            examples=examples,
            task=splits.task if splits else "",
            labels=splits.labels if splits else {},
            train_rows=len(splits.train) if splits else 0,
            validation_rows=len(splits.validation) if splits else 0,
            problems=problems,
        )

    def estimate(self, config: TuneConfig, dataset: str, gpus: int) -> Estimate:
        """What the recipe will train. Raises ConfigError with every reason why it cannot be started."""
        problems, splits, info = self._look(config, dataset, gpus)
        if problems or splits is None or info is None:
            raise ConfigError(problems)
        train = config.train
        rows = train.steps * train.batch_size * train.accumulation * gpus
        speed = speed_on(self._store, config.backbone)
        return Estimate(
            architecture=info.architecture,
            hidden_size=info.hidden_size,
            backbone_parameters=info.parameters,
            trainable=config.lamp.trainable_parameters(info.hidden_size),
            virtual_tokens=config.lamp.virtual_tokens,
            steps=train.steps,
            epochs=rows / max(1, len(splits.train)),
            truncation=self._datasets.truncation(dataset, config.data, self.source(config.backbone)),
            seconds=speed.seconds(train, train.steps) + speed.scoring_seconds  # and the untrained one
            if speed
            else None,
        )

    def problems(self, config: TuneConfig, dataset: str, gpus: int) -> list[str]:
        """Every reason why the recipe cannot be started, all at once; empty when it can."""
        return self._look(config, dataset, gpus)[0]

    def source(self, backbone: str) -> str:
        """The folder or Hub id that a backbone is loaded from."""
        return backbones.resolve(self._settings.home, backbone, folders_allowed=not self._settings.on_space)

    @cached_property
    def slots(self) -> list[str]:
        """The device of each slot for a run."""
        return devices(self._settings.slots)

    @property
    def most_gpus(self) -> int:
        """How many GPUs one run can have; 1 also where there is none, and where STUDIO_SLOTS lets runs share them."""
        return len(self.slots) if len(set(self.slots)) == len(self.slots) else 1

    @cached_property
    def _has_gpu(self) -> bool:
        return bool(visible_gpus())

    def _look(
        self, config: TuneConfig, dataset: str, gpus: int
    ) -> tuple[list[str], Splits | None, BackboneInfo | None]:
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
        found += initial_prompts.problems(config, self._store, self._artifacts)
        if type(gpus) is not int or not 1 <= gpus <= self.most_gpus:  # a script may send anything
            found.append(f"The number of GPUs must be between 1 and {self.most_gpus} here, not {gpus!r}.")
        if config.train.quantization != "none" and not self._has_gpu:
            found.append(
                "Weights in 8 or 4 bits want a CUDA GPU, and this machine has none: leave the backbone's "
                "weights as they are."
            )
        if config.backbone.strip():
            try:
                info = inspect(self.source(config.backbone))
                if info.hidden_size < config.lamp.rank <= config.lamp.prompt_length:
                    found.append(
                        f"The rank ({config.lamp.rank}) is larger than the backbone's width ({info.hidden_size}): "
                        f"choose {info.hidden_size} or less."
                    )
                if config.data.input_format == "chat" and (has_chat_template(self.source(config.backbone)) is False):
                    found.append(no_template(config.backbone))
            except BackboneError as error:
                found.append(str(error))
        return found, splits, info


def _cut(cell: str) -> str:
    return cell if len(cell) <= _LONGEST_CELL else cell[: _LONGEST_CELL - 1] + "…"
