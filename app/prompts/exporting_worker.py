"""Makes one export in a process of its own: `python -m app.prompts.exporting_worker`.

The first line of standard input is one JSON object, a `Task`. It prints a JSON line for each part of the work; the last
one has "done", how the answers compare, or "problem". It ends at once when standard input is closed, which happens when
the studio ends.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import sys
import threading
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from app.disk_full import is_disk_full
from app.processes.child_memory import be_ended_first
from lamp.data.splits import Example
from lamp.errors import LampError
from lamp.export.options import ExportOptions
from lamp.files import written_whole
from lamp.hub.catalog import inspect
from lamp.hub.offline import gguf_of
from lamp.process import prepare_process


@dataclass(frozen=True)
class Task:
    """An export to make."""

    prompt: str
    """Folder of the run's exported prompt"""
    source: str
    """Folder of the backbone's files"""
    format: str
    folder: str
    """Folder that is created and packed; its parent contains nothing else"""
    rows: list[tuple[str, str]]
    """For each row whose answer is compared: the input, and the end of the template"""

    @property
    def place(self) -> Path:
        """The folder for the zip."""
        return Path(self.folder).parent


def archives(place: Path) -> list[Path]:
    """Lists the complete zips in a folder, the newest last. Raises OSError."""
    return sorted(place.glob("[!.]*.zip"), key=lambda file: file.stat().st_mtime)


def comparison_in(archive: Path) -> str:
    """Reads how the answers of an export compare from its zip's comment. Raises OSError."""
    with zipfile.ZipFile(archive) as packed:
        return packed.comment.decode("utf-8", "replace")


def make(task: Task) -> str:
    """Writes the export as a zip beside the task's folder, replacing earlier ones; returns how the answers compare.

    Raises LampError, OSError.
    """
    from lamp.export.exporting import export_prompt
    from lamp.export.saved_prompt import load_prompt

    folder = Path(task.folder)
    backbone = inspect(task.source)
    options = ExportOptions(task.format)
    if options.is_gguf:
        options = ExportOptions(task.format, base=gguf_of(Path(backbone.source)))
    examples = [Example(text, "", end) for text, end in task.rows]
    shutil.rmtree(folder, ignore_errors=True)
    comparison = export_prompt(
        load_prompt(Path(task.prompt)), backbone.source, backbone.stored_bytes, options, folder, examples, _tell_part
    )
    _tell_part("Packing", 0.0)
    sentence = comparison.sentence().replace("**", "")
    archive = folder.with_name(f"{folder.name}.zip")  # not with_suffix: names of runs have dots
    with written_whole(archive) as staged, zipfile.ZipFile(staged, "w") as packed:  # weights cannot be made smaller
        packed.comment = sentence.encode()
        for path in sorted(folder.iterdir()):
            packed.write(path, f"{folder.name}/{path.name}")
    shutil.rmtree(folder)
    for former in archives(task.place):  # under a name that the run had before
        if former != archive:
            former.unlink()
    return sentence


def _tell_part(part: str, share: float) -> None:
    _tell({"part": part, "share": share})


def _tell(values: dict[str, Any]) -> None:
    print(json.dumps(values), flush=True)


def main() -> int:
    """Runs the export; returns 0 if it was made, 1 after a problem."""
    prepare_process()
    be_ended_first()
    task = Task(**json.loads(sys.stdin.readline()))
    threading.Thread(target=_end_with_the_studio, daemon=True).start()
    try:
        _tell({"done": make(task)})
    except LampError as error:
        _tell({"problem": str(error)})
    except OSError as error:
        if not is_disk_full(error):
            raise
        _tell(
            {"problem": "The studio's disk is full, so the prompt cannot be exported: free some space and try again."}
        )
    else:
        return 0
    return 1


def _end_with_the_studio() -> None:
    """Ends this process and its llama.cpp when the studio, which holds the other end of its input, has ended."""
    while os.read(sys.stdin.fileno(), 1024):
        pass
    if os.getpgid(0) == os.getpid():
        os.killpg(0, signal.SIGKILL)
    os._exit(1)


if __name__ == "__main__":
    sys.exit(main())
