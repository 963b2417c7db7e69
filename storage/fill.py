"""Puts what a STUDIO_HOME has into a store of files: `python -m storage.fill STUDIO_HOME ADDRESS`."""

from __future__ import annotations

import sys
from pathlib import Path

from storage.errors import StorageError
from storage.files import STAGED, is_safe_name
from storage.object_store import ObjectStore
from storage.run_files import PARTS, RunFiles
from storage.shared_files import put_upload


def fill(root: Path, store: ObjectStore) -> tuple[int, int]:
    """Numbers of runs and of upload files that were stored. Raises StorageError, OSError.

    What a later attempt at a run has stored stays, and takes precedence.
    """
    named = (path.name.partition(".")[0] for part in PARTS for path in (root / part).glob("*"))
    runs = sorted({name for name in named if is_safe_name(name)})
    for id in runs:
        RunFiles(store, root, id, 0).push()
    uploads = [path for path in sorted((root / "uploads").glob("*")) if not path.name.startswith(STAGED)]
    for path in uploads:
        put_upload(store, path)
    return len(runs), len(uploads)


def main(arguments: list[str]) -> int:
    """Exit status: 0 when everything was stored, 1 after one sentence, 2 for a wrong call."""
    if len(arguments) != 2:
        print("Usage: python -m storage.fill STUDIO_HOME ADDRESS", file=sys.stderr)
        return 2
    try:
        store = ObjectStore(arguments[1])
        store.check()
        runs, uploads = fill(Path(arguments[0]), store)
    except (StorageError, OSError) as error:
        print(error, file=sys.stderr)
        return 1
    print(f"Stored the files of {runs} runs, and {uploads} files of uploads.")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
