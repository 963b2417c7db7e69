"""The part of Studio that is about trained prompts: judged, tried, taken home."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from app import limits
from app.answering.answer import Answer, OnAnswers, Request
from app.answering.answer_list import ListProgress
from app.answering.answer_lists import AnswerLists
from app.answering.answerer import Answerer
from app.answering.inputs import checked_inputs
from app.answering.list_table import file_table, pasted_table
from app.answering.prompt_kind import PromptKind, prompt_kind
from app.backbones.registry import Backbones
from app.data.dataset_file import first_rows
from app.data.rows_to_try import DataRow, numbered_row, random_row, tested_row
from app.disk_full import full_disk_told
from app.planning.recipes import Recipes
from app.prompts.bundle import file_name, results_csv, zip_artifact
from app.prompts.prompt_use import PromptUse
from app.run import Run
from app.studio_parts.quotas import StudioQuotas, computes
from app.views.results import Results, read_results
from lamp.data.columns import Template
from lamp.data.tables import Table
from lamp.errors import DataError
from lamp.sampling import GREEDY, Sampling
from storage.artifacts import ArtifactStore
from storage.errors import StorageError, WrongState
from storage.jobs import Job

MOST_BESIDE = 200
"""Runs that are looked through for some to answer beside another one."""


class StudioPrompts(StudioQuotas):
    """The prompts that runs have trained, and the process that answers with them."""

    _artifacts: ArtifactStore
    _backbones: Backbones
    _recipes: Recipes
    _answerer: Answerer
    _lists: AnswerLists

    def close(self) -> None:
        """Ends the process that answers. Runs go on."""
        self._lists.close()
        self._answerer.close()

    def prompt_kind(self, id: str) -> PromptKind:
        """What can be asked of the run's prompt, and how it answers. Raises NotStored, DataError."""
        return prompt_kind(self._artifacts.path(self._store.get(id).id))

    def learned_from(self, id: str, row: int) -> bool:
        """Whether the run learned from a row of its data set. row: its place from 0. Raises DataError, StorageError."""
        run = Run.of(self._store.get(id))
        if run.imported:
            raise DataError("What an imported prompt has learned from is not known here.")
        return row in self._recipes.learned_from(run.config, run.job.dataset, [row])

    def numbered_row(self, id: str, number: int) -> DataRow:
        """A row of the run's data set. number: from 1. Raises DataError, StorageError."""
        return numbered_row(self._datasets, Run.of(self._store.get(id)), number)

    def random_row(self, id: str) -> DataRow:
        """Any row of the run's data set. Raises DataError, StorageError."""
        return random_row(self._datasets, Run.of(self._store.get(id)))

    def tested_row(self, id: str) -> DataRow:
        """Any of the rows that the run's prompt was scored on. Raises DataError, StorageError."""
        return tested_row(self._datasets, Run.of(self._store.get(id)), self.results(id))

    def beside(self, id: str) -> list[Job]:
        """Other runs whose prompts can answer the same inputs on the same backbone, newest first."""
        run = Run.of(self._store.get(id))
        others = [job for job in self._store.list(MOST_BESIDE) if job.artifact and job.id != run.job.id]
        return [
            job
            for job in others
            if job.backbone == run.job.backbone
            and tuple(job.config.get("data", {}).get("input_columns", ())) == run.config.data.input_columns
        ]

    @computes
    def warm_up(self, id: str, on_progress: Callable[[str], None] = lambda _: None) -> None:
        """Loads the backbone of the run's prompt, so that the first try is answered at once. Raises LampError."""
        self._answerer.answers(self._request(Run.of(self._store.get(id))), on_progress)

    @computes
    def try_prompt(
        self,
        id: str,
        inputs: Sequence[str | Mapping[str, str]],
        on_progress: Callable[[str], None] = lambda _: None,
        on_answers: OnAnswers | None = None,
        sampling: Sampling = GREEDY,
        *,
        untrained: bool = True,
        vote: bool = False,
    ) -> list[Answer]:
        """Each input answered with the run's prompt, and without it where that is wanted.

        inputs: a text, or a value for each input column; on_progress: called with one short sentence at each stage;
        on_answers: called with all answers so far while free text is generated; sampling: of free text;
        vote: whether all prompts of the run that vote pick the label.
        """
        run = Run.of(self._store.get(id))
        limits.inputs(inputs)
        checked = checked_inputs(run.config.data, inputs)  # first of all: a wrong input needs no backbone to be refused
        on_progress("Getting ready")
        request = replace(self._request(run), inputs=tuple(checked), sampling=sampling, untrained=untrained, vote=vote)
        return self._answerer.answers(request, on_progress, on_answers)

    @computes
    def answer_file(self, id: str, path: Path, name: str) -> None:
        """Begins to answer every row of a file with the run's prompt, in the background.

        name: of the file as its owner knows it. Raises DataError for a file that is no table or lacks a column.
        """
        data, size = Run.of(self._store.get(id)).config.data, path.stat().st_size
        self._check_upload(size)
        with self._room_for(size):
            pass  # what the answers take is not known before
        self._start_list(id, name, lambda converted: file_table(path, name, converted, data))

    @computes
    def answer_lines(self, id: str, text: str) -> None:
        """The same for each line of a text, where the prompt reads one column. Raises DataError."""
        data = Run.of(self._store.get(id)).config.data
        self._start_list(id, "", lambda _: pasted_table(text, data))

    def list_progress(self, id: str) -> ListProgress | None:
        """How far the run's last list is; None if there was none since the studio's start."""
        return self._lists.progress(self._store.get(id).id)

    def cancel_list(self, id: str) -> None:
        """Has the run's list end after its batch; what is answered by then is kept."""
        self._lists.cancel(self._store.get(id).id)

    def _start_list(self, id: str, source: str, read: Callable[[Path], Table]) -> None:
        run = Run.of(self._store.get(id))
        folder, names = (
            self._home.root / "exports" / f"{run.job.id}-answers",
            (source, f"{file_name(run.job.name)}-answers"),
        )
        request = replace(self._request(run), untrained=False)
        self._lists.start(run.job.id, request, run.config.data, read, folder, names)

    def _request(self, run: Run) -> Request:
        """A request for the run's prompt, still without inputs. Raises NotStored, WrongState."""
        check_not_deleted(run.job)
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
        with full_disk_told("the results cannot be exported"):
            return results_csv(results, self._home.answers(job.id), self._home.root / "exports" / job.id, job.name)

    def export(self, id: str) -> Path:
        """A zip of the run's exported prompt, made once."""
        job = self._store.get(id)
        check_not_deleted(job)
        with full_disk_told("the prompt cannot be exported"):
            return zip_artifact(self._artifacts.path(job.id), self._home.root / "exports", job.name)

    def prompt_use(self, id: str, address: str) -> PromptUse:
        """What a program has to know to answer with the run's prompt. Raises NotStored, DataError.

        address: where the studio is reached, for programs that ask it.
        """
        run = Run.of(self._store.get(id))
        data, kind = run.config.data, self.prompt_kind(id)
        row, asks = self._shortest_row(run), self.settings.sign_in.asks
        return PromptUse(run.job.id, run.job.name, run.config.backbone, data, kind, row, address, asks)

    def _shortest_row(self, run: Run) -> dict[str, str]:
        """The inputs of the shortest of the data set's first rows; placeholders where the data set is gone."""
        columns = run.config.data.input_columns
        inputs = [{column: f"your {column}" for column in columns}]
        with suppress(DataError, StorageError):
            rows = first_rows(self._datasets.file(run.job.dataset).table(), longest_cell=None)
            whole = [row for row in rows if Template.of(run.config.data).has_input(row)]
            inputs = [{column: row[column] for column in columns} for row in whole] or inputs
        return min(inputs, key=lambda row: sum(map(len, row.values())))


def check_not_deleted(job: Job) -> None:
    """Raises WrongState for the prompt of a deleted run."""
    if job.deleted_at is not None:
        raise WrongState(f"The run {job.name!r} was deleted: bring it back to use its prompt.")
