"""The files that a run needs on a rented machine: recipe, data sets, what it continues from, and the studio's code."""

from __future__ import annotations

import io
import json
import shutil
import zipfile
from importlib.metadata import PackageNotFoundError, requires
from pathlib import Path

from app.jobs.tuning import initial_prompt_folder
from app.processes.child_environment import CODE_FOLDER
from app.run import Run
from lamp.training.checkpoint_files import whole_checkpoints
from lamp.training.run_digest import RECORD
from storage.artifacts import ArtifactStore
from storage.database import Database
from storage.home import Home
from storage.jobs import Job, JobStore
from storage.uploads import UploadStore

_PACKAGES = ("app", "lamp", "storage")
_UPLOAD = "upload:"


def pack(run: Run, home: Home, uploads: UploadStore, artifacts: ArtifactStore) -> dict[str, Path | bytes]:
    """Returns the content of each file, by its name below `in/`. Raises StorageError, OSError."""
    job, data = run.job, run.config.data
    files: dict[str, Path | bytes] = {"in/code.zip": _code()}
    described = {}
    for reference in sorted({job.dataset, data.validation_data, data.test_data}):
        if not reference.startswith(_UPLOAD):
            continue
        upload, name = uploads.get(reference), f"uploads/{reference.removeprefix(_UPLOAD)}"
        files[f"in/{name}"] = uploads.path(reference)
        described[name] = {
            "name": upload.name,
            "rows": upload.rows or 0,
            "columns": list(upload.columns or ()),
            "source": upload.source,
        }
    checkpoints = home.checkpoints(job.id)
    for folder in whole_checkpoints(checkpoints):
        files |= _below(folder, f"in/checkpoints/{folder.name}")
    if (recorded := checkpoints / RECORD).is_file():
        files[f"in/checkpoints/{RECORD}"] = recorded
    if home.samples(job.id).is_file():
        files["in/samples.jsonl"] = home.samples(job.id).read_bytes()
    if (initial := initial_prompt_folder(run.config, artifacts)) is not None:
        files |= _below(initial, "in/initial")
    fields = ("id", "name", "config", "dataset", "dataset_name", "step", "steps", "gpus")
    told = {field: getattr(job, field) for field in fields}
    files["in/run.json"] = json.dumps({**told, "uploads": described}).encode()
    return files


def unpack(folder: Path, home: Home, database: Database) -> Job:
    """Adds the run in a folder to an empty studio, where it waits for a worker."""
    told = json.loads((folder / "run.json").read_text())
    uploads = UploadStore(database, home.uploads)
    for name, upload in told.pop("uploads").items():
        uploads.add(folder / name, **upload)
    run = told["id"]
    if (folder / "checkpoints").is_dir():
        shutil.copytree(folder / "checkpoints", home.checkpoints(run))
    if (samples := folder / "samples.jsonl").is_file():
        home.samples(run).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(samples, home.samples(run))
    if (folder / "initial").is_dir():
        with ArtifactStore(home.artifacts).stage(told["config"]["lamp"]["initial_prompt"]) as staged:
            shutil.copytree(folder / "initial", staged, dirs_exist_ok=True)
    return JobStore(database).add(**told)


def _below(folder: Path, name: str) -> dict[str, Path | bytes]:
    """Returns all files of a folder, by their names under another folder."""
    return {f"{name}/{path.relative_to(folder).as_posix()}": path for path in folder.rglob("*") if path.is_file()}


def _code() -> bytes:
    """Returns a zip of this studio's code and requirements, so that the machine runs this very version."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for package in _PACKAGES:
            for path in sorted((CODE_FOLDER / package).rglob("*")):
                if path.is_file() and "__pycache__" not in path.parts:
                    archive.write(path, path.relative_to(CODE_FOLDER).as_posix())
        archive.writestr("requirements.txt", _requirements())
    return packed.getvalue()


def _requirements() -> str:
    """Returns the requirements of this checkout, or of the installed package."""
    if (listed := CODE_FOLDER / "requirements.txt").is_file():
        return listed.read_text()
    try:
        return "\n".join(line for line in requires("lamp-studio") or () if "extra ==" not in line)
    except PackageNotFoundError:
        return ""
