"""Reads prompts that were made elsewhere in a process of its own: no file can cost the studio more than time."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path

from app.disk_full import is_disk_full
from app.processes.child_environment import CODE_FOLDER, child_environment
from lamp.errors import ConfigError, DataError
from lamp.export.imported import ImportDetails, Imported

_MEMORY = 6_000_000_000
"""Bytes that the process may reserve: torch alone takes a part of them."""
_SECONDS = 120
_REFUSED = 3
"""Exit status of a process that ended with one sentence on standard output."""


def import_apart(source: Path, given: ImportDetails, target: Path) -> Imported:
    """`import_prompt` in another process, with limits of memory and time. Raises DataError.

    source: a zip, or a folder of files; target: an empty folder, which must not be used after an error.
    """
    command = [
        *(sys.executable, "-m", "app.processes.importing"),
        *(str(source.absolute()), json.dumps(asdict(given)), str(target.absolute())),
    ]
    try:
        done = subprocess.run(
            command, cwd=CODE_FOLDER, env=child_environment(), capture_output=True, timeout=_SECONDS, check=False
        )
    except subprocess.TimeoutExpired:
        raise DataError(f"This prompt takes more than {_SECONDS} seconds to read: try it again later.") from None
    except OSError as error:
        raise DataError(f"This prompt cannot be read now ({error.strerror}): try it again.") from error
    said = done.stdout.decode("utf-8", "backslashreplace")
    if done.returncode == _REFUSED:
        raise DataError(said)
    if done.returncode:
        raise DataError("This prompt could not be read: it is damaged, or needs more memory than a soft prompt should.")
    return Imported(**json.loads(said))


def main() -> int:
    """Imports what the arguments name: source, what is said of it as JSON, target."""
    source, given, target = sys.argv[1:]
    values = json.loads(given)
    try:
        import resource

        resource.setrlimit(resource.RLIMIT_DATA, (_MEMORY, _MEMORY))
    except (ImportError, OSError, ValueError):  # not on this system: the limits of the reader itself are left
        pass
    from lamp.export.imported_prompt import import_prompt  # it loads torch, which the server never does
    from lamp.export.prompt_files import PromptFiles

    try:
        said = ImportDetails(values["backbone"], values["template"], tuple(values["labels"]))
        imported = import_prompt(PromptFiles(Path(source)), said, Path(target))
    except Exception as error:
        if is_disk_full(error):
            error = DataError("The disk is full, so the prompt cannot be kept: free some space, then try again.")
        if not isinstance(error, DataError | ConfigError):
            raise
        sys.stdout.buffer.write(str(error).encode("utf-8", "backslashreplace"))
        return _REFUSED
    sys.stdout.write(json.dumps(asdict(imported)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
