"""The part of Studio that exports a run's prompt in the formats of other programs."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from app.data.rows_to_try import scored_dataset
from app.prompts.bundle import file_name
from app.prompts.exporting_worker import Task
from app.prompts.exports import Exports, ExportState
from app.run import Run
from app.studio_parts.prompts import StudioPrompts, check_not_deleted
from app.studio_parts.quotas import computes
from lamp.data.columns import Template
from lamp.errors import DataError, LampError
from lamp.export.options import FORMATS
from lamp.hub.catalog import inspect
from storage.errors import NotStored, StorageError

_ROWS = 40
"""Tested rows whose answers are compared"""


class StudioExports(StudioPrompts):
    """A model with a prompt in it, made in the background."""

    _exports: Exports

    @computes
    def begin_export(self, id: str, format: str) -> None:
        """Begins to make one of FORMATS of the run's prompt. Raises LampError, StorageError."""
        run = Run.of(self._store.get(id))
        check_not_deleted(run.job)
        place = self._export_place(run, format)
        with self._room_for(self.export_bytes(id, format) or 0):
            pass  # one is made at a time
        place.mkdir(parents=True, exist_ok=True)
        folder = place / f"{file_name(run.job.name)}-{format}"
        source = self._backbones.source(run.config.backbone)
        prompt = str(self._artifacts.path(run.job.id))
        self._exports.begin(Task(prompt, source, format, str(folder), self._compared_rows(run)))

    def export_state(self, id: str, format: str) -> ExportState | None:
        """How far such an export is; None where it was not begun, and for a deleted run."""
        run = Run.of(self._store.get(id))
        if run.job.deleted_at is not None:
            return None
        return self._exports.state(self._export_place(run, format), format)

    def cancel_export(self, id: str, format: str) -> None:
        """Ends such an export."""
        self._exports.cancel(self._export_place(Run.of(self._store.get(id)), format))

    def stop_exporting(self, id: str) -> None:
        """Ends every export of the run that is being made."""
        with suppress(NotStored):
            for format in FORMATS:
                self.cancel_export(id, format)

    def export_bytes(self, id: str, format: str) -> int | None:
        """About how large an export will be; None where that is unknown."""
        if format == "embeddings":
            return self._artifacts.path(self._store.get(id).id).joinpath("adapter_model.safetensors").stat().st_size
        try:
            backbone = inspect(self._backbones.source(Run.of(self._store.get(id)).config.backbone))
        except LampError:
            return None
        return backbone.stored_bytes if format == "merged" else 2 * backbone.parameters

    def close(self) -> None:
        """Ends the export that is being made, too."""
        self._exports.close()
        super().close()

    def _export_place(self, run: Run, format: str) -> Path:
        """Folder of an export, whatever the run is called. Raises DataError, NotStored."""
        if format not in FORMATS:
            raise DataError(f"There is no format {format!r}: choose one of {', '.join(FORMATS)}.")
        version = self._artifacts.path(run.job.id).name
        return self._home.root / "exports" / f"{version}-{format}"

    def _compared_rows(self, run: Run) -> list[tuple[str, str]]:
        """Tested rows, as the model reads them; none where they are not known any more."""
        template = Template.of(run.config.data)
        with suppress(LampError, StorageError):
            results = self.results(run.job.id)
            places = [answer.row for answer in results.answers][:_ROWS] if results else []
            table = self._datasets.file(scored_dataset(run)).table()
            return [(template.render(row), template.suffix) for row in table.take(places)]
        return []
