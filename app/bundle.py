"""An exported prompt as one file to download."""

from __future__ import annotations

import zipfile
from pathlib import Path

from storage.files import whole


def zip_artifact(folder: Path, exports: Path) -> Path:
    """A zip of a published artifact folder, made once: an artifact never changes under its name."""
    target = exports / f"{folder.name}.zip"
    if target.is_file():
        return target
    with whole(exports, target.name) as staged, zipfile.ZipFile(staged, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(folder.iterdir()):
            archive.write(path, path.name)
    return target
