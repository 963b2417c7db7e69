"""What people download of a run: its prompt as a zip, its results as CSV, its log."""

from __future__ import annotations

import re
import shutil
import zipfile
from pathlib import Path

from app.views.results import Results, to_csv
from app.views.worth import Worth
from storage.files import whole
from storage.logs import rotated

_LONGEST_NAME = 60
"""Characters of a file's name, of up to four bytes each: file systems take 255 bytes."""


def zip_artifact(folder: Path, exports: Path, name: str) -> Path:
    """A zip of a published artifact folder, made once for a name: an artifact never changes under its own.

    name: the run's, after which the file is called.
    """
    target = exports / folder.name / f"{file_name(name)}.zip"
    if target.is_file():
        return target
    with whole(target.parent, target.name) as staged, zipfile.ZipFile(staged, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(folder.rglob("*")):
            archive.write(path, path.relative_to(folder))
    return target


def results_csv(results: Results, answers: Path, folder: Path, name: str) -> Path:
    """A CSV file of the results in a run's folder of downloads, made once for a name.

    answers: the file that the results were read from, which is another one after the run was resumed; name: the run's,
    after which the file is called.

    It begins with a byte order mark, without which Excel takes UTF-8 for another encoding.
    """
    target = folder / f"{file_name(name)}-results.csv"
    if target.is_file() and target.stat().st_mtime > answers.stat().st_mtime:
        return target
    with whole(target.parent, target.name) as staged:
        staged.write_text(to_csv(results.answers), encoding="utf-8-sig", errors="replace", newline="")
    return target


def copy_log(log: Path, folder: Path, name: str) -> Path:
    """A copy of a run's log, its older part first, in a run's folder of downloads. name: the run's."""
    target = folder / f"{file_name(name)}-log.txt"
    with whole(target.parent, target.name) as staged, staged.open("wb") as copy:
        for part in (rotated(log), log):
            if part.is_file():
                with part.open("rb") as lines:
                    shutil.copyfileobj(lines, copy)
    return target


def ways_csv(worth: Worth, folder: Path, name: str) -> Path:
    """A CSV file of a prompt beside other ways, in a run's folder of downloads. name: the run's."""
    target = folder / f"{file_name(name)}-other-ways.csv"
    with whole(target.parent, target.name) as staged:
        staged.write_text(worth.to_csv(), encoding="utf-8-sig", errors="replace", newline="")
    return target


def file_name(name: str) -> str:
    """A name as a file's: letters, digits and hyphens; "prompt" when none of it remains."""
    return re.sub(r"[^\w.]+", "-", name).strip("-.")[:_LONGEST_NAME].rstrip("-.") or "prompt"
