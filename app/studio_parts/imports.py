"""The part of Studio that takes in prompts that were made elsewhere."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from app import limits
from app.answering.scoring import score_rows
from app.disk_full import full_disk_told
from app.hub.prompt_files import fetch_prompt, fetch_recipe, plain_id
from app.processes.importing import import_apart
from app.run import Run
from app.studio_parts.inspecting import StudioInspecting
from app.studio_parts.quotas import computes
from lamp.config import MADE_FROM, TuneConfig
from lamp.errors import ConfigError, DataError
from lamp.export.imported import ImportDetails, Imported, of_nowhere
from lamp.files import written_whole
from lamp.hub.catalog import BackboneInfo, is_hub_id
from lamp.hub.folders import is_folder
from lamp.hub.recipe_fit import misfits
from lamp.inference.answers import write_answers
from lamp.inference.inspection import Inspection
from storage.errors import WrongState
from storage.files import STAGED
from storage.jobs import Job, new_id

OnStage = Callable[[str], None]
_recording = threading.Lock()
"""The answers and the scores that are kept must be of the same scoring."""


@dataclass(frozen=True)
class PromptSource:
    """Where a prompt is: a zip, or a repository of the Hub."""

    zip: Path | None = None
    zip_name: str = ""
    """Of the file as its owner knows it."""
    id: str = ""
    """Its Hub id, or the address of its page there."""
    revision: str = "main"
    token: str = ""
    """Of an account that may read it; used for one call and kept nowhere."""


class StudioImports(StudioInspecting):
    """Imported prompts stand among the runs and are used like them; they have no curves."""

    @computes
    def import_prompt(
        self,
        source: PromptSource,
        given: ImportDetails = ImportDetails(),  # noqa: B008  # frozen
        name: str = "",
        on_progress: OnStage = lambda _: None,
    ) -> str:
        """Takes a prompt in and returns the id under which it stands among the runs.

        given: what its files do not say. Raises DataError, ConfigError, BackboneError, LowDisk, OverQuota; nothing is
        kept then.
        """
        name, given = limits.run_name(name), _checked(given)
        if bool(source.id.strip()) == bool(source.zip):
            raise DataError("Give either the Hub id of a prompt or its zip.")
        size = source.zip.stat().st_size if source.zip else 0
        self._check_upload(size)
        self._home.check_space(self.settings.low_disk_bytes, "this prompt")
        id, exports = new_id(), self._home.root / "exports"
        exports.mkdir(exist_ok=True)
        with self._room_for(size), full_disk_told("the prompt cannot be kept"), ExitStack() as stack:
            folder, origin = source.zip, {"file": limits.name("The file's name", source.zip_name)}
            if folder is None:
                folder = Path(stack.enter_context(TemporaryDirectory(prefix=STAGED, dir=exports)))
                revision = limits.name("The revision", source.revision).strip() or "main"
                fetched = fetch_prompt(plain_id(source.id), revision, source.token, folder, on_progress)
                origin = {"id": fetched.id, "revision": fetched.revision}
            on_progress("Reading the prompt")
            with self._artifacts.stage(id) as staged:
                imported = import_apart(folder, given, staged)
                on_progress("Looking at its backbone")
                config = self._fitted(imported, staged)
        return self._add(id, name, config, imported, origin).id

    def published_recipe(self, id: str, revision: str = "main") -> tuple[TuneConfig, str]:
        """The recipe of a prompt that was published on the Hub, and a data set here that is the one it learned from.

        That is "" where it was not fetched yet. Raises DataError, ConfigError.
        """
        revision = limits.name("The revision", revision).strip() or "main"
        with TemporaryDirectory() as folder:
            file = fetch_recipe(plain_id(limits.name("The Hub id", id)), revision, Path(folder))
            try:
                values = json.loads(file.read_text(encoding="utf-8"))
            except (OSError, ValueError, RecursionError):
                raise DataError(f"The recipe.json of {id!r} is not valid JSON.") from None
        config = of_nowhere(TuneConfig.from_dict(values))
        made_from = values.get(MADE_FROM)
        learned = made_from.get("data") if isinstance(made_from, dict) else None
        entries = self._datasets.list() if isinstance(learned, dict) else []
        here = (entry.reference for entry in entries if entry.source and asdict(entry.source) == learned)
        return config, next(here, "")

    @computes
    def look_into(self, id: str, on_progress: OnStage = lambda _: None) -> Inspection | None:
        """What can be seen in the run's prompt; found now where that was not kept. Raises LampError, StorageError."""
        run = Run.of(self._store.get(id))
        file = self._home.inspection(run.job.id)
        if not file.is_file():
            file.parent.mkdir(exist_ok=True)
            with written_whole(file) as staged:
                self._answerer.answers(replace(self._request(run), inspection=str(staged)), on_progress)
            self._home.keep(run.job.id)
        return self.inspection(id)

    @computes
    def score_imported(
        self, id: str, dataset: str, target: str = "", on_progress: Callable[[float, str], None] = lambda *_: None
    ) -> dict[str, float]:
        """Has an imported prompt answer rows of a data set and records how it does, as of a run that was tested.

        target: the column of the right answers, "" for the recipe's. on_progress: called with the share that is done
        and a short sentence. Returns the scores. Raises LampError, StorageError.
        """
        run = Run.of(self._store.get(id))
        if not run.imported:
            raise WrongState(f"The run {run.job.name!r} was trained here, and has its own scores.")
        entry, table = self._datasets.entry(dataset), self._datasets.file(dataset).table()
        data = replace(
            run.config.data, target_column=limits.name("The column", target) or run.config.data.target_column
        )
        request, labels = self._request(run), self.prompt_kind(id).labels
        answers, scores = score_rows(self._answerer, request, data, table, labels, on_progress)
        config = replace(run.config, data=data).to_dict() | {MADE_FROM: run.job.config.get(MADE_FROM, {})}
        with _recording, full_disk_told("the answers cannot be kept"):
            self._home.answers(id).parent.mkdir(exist_ok=True)
            with written_whole(self._home.answers(id)) as staged:
                write_answers(answers, staged)
            self._home.token_weights(id).unlink(missing_ok=True)
            self._home.keep(id)
            self._store.scored(id, config, entry.reference, entry.name, scores)
        return scores

    def _fitted(self, imported: Imported, folder: Path) -> dict[str, Any]:
        """The recipe of a prompt in `folder` that fits its backbone. Raises DataError, ConfigError, BackboneError."""
        config = TuneConfig.from_dict(imported.config)
        info = self._backbone_of(config.backbone, imported)
        problems = misfits(info, config)
        if imported.has_recipe and problems:
            raise ConfigError(problems)
        if problems and info.longest_sequence is not None:
            behind = config.data.max_target_tokens if info.architecture == "causal" else 0
            room = info.longest_sequence - config.lamp.virtual_tokens - behind
            config = replace(config, data=replace(config.data, max_input_tokens=room))
            config.check()
        values = config.to_dict() | {MADE_FROM: imported.config.get(MADE_FROM, {})}
        (folder / "recipe.json").write_text(json.dumps(values, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
        return values

    def _backbone_of(self, reference: str, imported: Imported) -> BackboneInfo:
        """The backbone that a prompt was made for. Raises DataError, BackboneError."""
        if not reference.strip():
            raise DataError("This prompt does not name its backbone: give the Hub id of the model it was tuned for.")
        if not is_hub_id(reference) and not (self._backbones.folders_allowed and is_folder(reference)):
            raise DataError(
                f"This prompt was tuned for {reference[:100]!r}, a folder that is not on this machine: give the Hub id "
                "or the folder of the same model as its backbone."
            )
        info = self._backbones.inspect(reference)
        if info.hidden_size != imported.width:
            raise DataError(
                f"This prompt is {imported.width:,} numbers wide and {reference} is {info.hidden_size:,} wide: it was "
                "tuned for another model, which has to be given as its backbone."
            )
        if (info.architecture == "encoder-decoder") != imported.encoder_decoder:
            kind = "an encoder-decoder" if imported.encoder_decoder else "a causal"
            raise DataError(f"This prompt was tuned for {kind} model, which {reference} is not: give its own backbone.")
        return info

    def _add(
        self,
        id: str,
        name: str,
        config: dict[str, Any],
        imported: Imported,
        origin: dict[str, str],
    ) -> Job:
        where = f"{origin['id']} on the Hub" if "id" in origin else origin["file"] or "a zip"
        made_from = config.get(MADE_FROM, {})
        known = {"recipe": imported.has_recipe, "factors": imported.has_factors}
        config = {**config, MADE_FROM: {**made_from, "prompt": {**origin, **known}}}
        stem = origin["id"].rpartition("/")[2] if "id" in origin else Path(origin["file"]).stem
        return self._store.add_imported(
            id,
            name or (stem or "prompt")[: limits.LONGEST_RUN_NAME],
            config,
            dataset_name=str(made_from.get("data", {}).get("id", "")),
            step=imported.step,
            scores=imported.scores,
            origin=f"Imported from {where}.",
        )


def _checked(given: ImportDetails) -> ImportDetails:
    """What a person or a script says, in its types and lengths. Raises ConfigError."""
    if not isinstance(given.labels, list | tuple) or not all(isinstance(label, str) for label in given.labels):
        raise ConfigError(["Give the labels as a list of texts."])
    labels = tuple(label.strip() for label in given.labels)
    backbone = limits.name("The backbone", given.backbone).strip()
    return ImportDetails(backbone, limits.template(given.template), labels)
