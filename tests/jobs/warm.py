"""Real workers that start in a blink: forked from a process that has imported torch already.

`python -m tests.jobs.warm` is that process ("toy" after it: for workers that train nothing). Each line of its input
is one worker to start, each line of its output the id of one. All else about such a worker is as it is in use: its
own session, its log, its signals, its end.
"""

from __future__ import annotations

import importlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from functools import partial
from pathlib import Path

from app.jobs import carrier, worker
from app.jobs.executors import LocalExecutor
from app.processes.identity import identity
from app.settings import Settings
from storage.database import open_database
from storage.home import Home
from storage.jobs import Job, Worker
from tests.jobs import clock, toy

_ROOT = Path(__file__).resolve().parents[2]


class Mother:
    """The process that workers are forked from."""

    def __init__(self, *arguments: str) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.jobs.warm", *arguments],
            cwd=_ROOT,
            text=True,
            start_new_session=True,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, "OMP_NUM_THREADS": "1", "TOKENIZERS_PARALLELISM": "false", "HF_HUB_OFFLINE": "1"},
        )
        assert self._process.stdout is not None and self._process.stdout.readline() == "ready\n"

    def fork(self, arguments: list[str], log: Path, environment: Mapping[str, str]) -> int:
        """The id of a new worker."""
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.write(
            json.dumps({"run": arguments, "log": str(log), "environment": dict(environment)}) + "\n"
        )
        self._process.stdin.flush()
        return int(self._process.stdout.readline())

    def close(self) -> None:
        """Ends the mother; her workers go on."""
        self._process.kill()
        self._process.wait()


class WarmExecutor(LocalExecutor):
    """Starts workers by fork; tells them apart, asks and ends them as LocalExecutor does."""

    def __init__(self, mother: Mother, home: Home, environment: Mapping[str, str]) -> None:
        super().__init__(home, environment)
        self._mother = mother

    def start(self, job: Job, environment: Mapping[str, str]) -> Worker:
        log = self._home.log(job.id)
        log.parent.mkdir(parents=True, exist_ok=True)
        pid = self._mother.fork([job.id, str(job.attempts)], log, {**self._environment, **environment})
        return Worker(self.host, pid, identity(pid) or "gone")


def main(arguments: list[str]) -> None:
    """The mother: imports what a worker needs and forks one for each order."""
    work = toy.work if arguments == ["toy"] else None
    if work is None:
        for name in (
            "lamp.training.train",
            "lamp.export.saved_prompt",
            "peft",
            "sklearn.metrics",
            "transformers.models.llama.modeling_llama",
        ):
            importlib.import_module(name)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for the children: their remains go by themselves
    carrier._EVERY_SECONDS = 0.1  # the runs of tests are short
    print("ready", flush=True)
    for line in sys.stdin:
        order = json.loads(line)
        if pid := os.fork():
            print(pid, flush=True)
            continue
        os.setsid()
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        os.environ.update(order["environment"])
        log = os.open(order["log"], os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
        for descriptor in (1, 2):
            os.dup2(log, descriptor)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        clock.apply()
        if busy_seconds := os.environ.get("BUSY_SECONDS"):
            setattr(worker, "open_database", partial(open_database, busy_seconds=float(busy_seconds)))  # noqa: B010
        job_id, attempt = order["run"]
        status = worker.run(job_id, int(attempt), Settings.from_environment(), work)
        sys.stdout.flush()
        os._exit(status)


if __name__ == "__main__":
    main(sys.argv[1:])
