"""Converts people's tables in a process of its own, so that no file can cost the studio more than time."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path

from app.disk_full import is_disk_full
from app.processes.child_environment import CODE_FOLDER, child_environment
from lamp.data.tables import Layout, convert
from lamp.data.tables.checks import quoted
from lamp.data.tables.read import FOUND
from lamp.errors import DataError

_MEMORY = 2_000_000_000
"""Bytes that the process may have in its memory."""
_SECONDS = 300
"""Time that any file may take."""
_BYTES_PER_SECOND = 10_000_000
"""A larger file may take as much longer: of a slow disk, shared by others, gigabytes are read several times."""
_REFUSED = 3
"""Exit status of a process that ended with one sentence on standard output."""


def convert_apart(path: Path, name: str, target: Path, layout: Layout = FOUND) -> None:
    """`convert` in another process, with limits of memory and time. Raises DataError."""
    command = [
        *(sys.executable, "-m", "app.processes.conversion"),
        *(str(path.absolute()), json.dumps(name), str(target.absolute()), json.dumps(asdict(layout))),
    ]
    seconds = _SECONDS + (path.stat().st_size if path.is_file() else 0) // _BYTES_PER_SECOND
    try:
        done = subprocess.run(
            command, cwd=CODE_FOLDER, env=child_environment(), capture_output=True, timeout=seconds, check=False
        )
    except subprocess.TimeoutExpired:
        raise DataError(f"{quoted(name)} takes more than {seconds} seconds to read: take rows out of it.") from None
    except OSError as error:
        raise DataError(f"{quoted(name)} cannot be read now ({error.strerror}): try it again.") from error
    if done.returncode == _REFUSED:
        raise DataError(done.stdout.decode("utf-8", "backslashreplace"))
    if done.returncode:
        raise DataError(
            f"{quoted(name)} needs more than {_MEMORY / 1e9:.0f} GB of memory to read: "
            "take rows out, shorten its longest cells, or save it as CSV."
        )


def main() -> int:
    """Converts the file that the arguments name: path, name as JSON, target, layout as JSON."""
    path, name_as_json, target, layout_as_json = sys.argv[1:]
    name, layout = json.loads(name_as_json), Layout(**json.loads(layout_as_json))
    try:
        import resource

        resource.setrlimit(resource.RLIMIT_DATA, (_MEMORY, _MEMORY))
    except (ImportError, OSError, ValueError):  # not on this system: the limits of the reader itself are left
        pass
    try:
        convert(Path(path), name, Path(target), layout)
    except Exception as error:
        if is_disk_full(error):
            error = DataError(f"The disk is full, so {quoted(name)} cannot be read: free some space, then try again.")
        if not isinstance(error, DataError):
            raise
        sys.stdout.buffer.write(str(error).encode("utf-8", "backslashreplace"))
        return _REFUSED
    return 0


if __name__ == "__main__":
    sys.exit(main())
