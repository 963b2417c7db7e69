"""Clients of the small Hub: each a process forked from one that has imported what of the studio does not know the Hub.

huggingface_hub reads its settings when it is imported, so each client imports that itself, under an environment of its
own. All else is imported once for all tests, which is most of a client's time.
"""

from __future__ import annotations

import multiprocessing
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

_SHARED = (
    "app.hub.fetching",
    "app.hub.publishing",
    "app.studio_parts.imports",
    "duckdb",
    "lamp.hub.catalog",
    "pyarrow.parquet",
)
_SECONDS = 240


def run_client(code: str, argument: str, environment: Mapping[str, str], folder: Path) -> tuple[int | None, str, str]:
    """What `python -c code argument` does in the folder: its exit status, its output and its errors.

    The status is None of a client that did not end.
    """
    processes = multiprocessing.get_context("forkserver")
    processes.set_forkserver_preload([__name__, *_SHARED])
    with TemporaryDirectory() as written:
        files = [Path(written) / name for name in ("output", "errors")]
        client = processes.Process(target=_work, args=(code, argument, dict(environment), folder, files))
        client.start()
        try:
            client.join(_SECONDS)
            return client.exitcode, files[0].read_text(), files[1].read_text()
        finally:
            client.kill()
            client.join()


def _work(code: str, argument: str, environment: dict[str, str], folder: Path, files: list[Path]) -> None:
    for stream, file in enumerate(files, start=1):
        with file.open("wb") as opened:
            os.dup2(opened.fileno(), stream)
    assert "huggingface_hub" not in sys.modules, "it would have the settings of another client"
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(folder)
    sys.argv = ["-c", argument]
    exec(compile(code, "<client>", "exec"), {"__name__": "__main__"})
