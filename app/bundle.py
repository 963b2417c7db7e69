"""An exported prompt as one file to download."""

from __future__ import annotations

import os
import secrets
import zipfile
from pathlib import Path


def zip_artifact(folder: Path, exports: Path) -> Path:
    """A zip of a published artifact folder, made once: an artifact never changes under its name."""
    target = exports / f"{folder.name}.zip"
    if target.is_file():
        return target
    exports.mkdir(parents=True, exist_ok=True)
    staged = exports / f".staged-{secrets.token_hex(4)}"
    try:
        with zipfile.ZipFile(staged, "w", zipfile.ZIP_DEFLATED) as archive:
            for path in sorted(folder.iterdir()):
                archive.write(path, path.name)
        with staged.open("rb") as written:
            os.fsync(written.fileno())
        staged.replace(target)
    finally:
        staged.unlink(missing_ok=True)
    return target
