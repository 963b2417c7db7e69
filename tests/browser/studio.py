"""A studio as people get it: app.py in a process of its own, on a home folder that is thrown away."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path

from lamp.config import DataConfig, LampConfig, TrainConfig, TuneConfig
from storage.database import open_database
from storage.home import Home
from storage.jobs import Job, JobState, JobStore

NO_HUB = "http://127.0.0.1:9"
"""Where nothing answers."""
ROOT = Path(__file__).resolve().parents[2]


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


def environment(home: Path, port: int, hub: str = NO_HUB) -> dict[str, str]:
    """What the child sees: nothing of the machine's own settings for the studio or the Hub."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("STUDIO_", "HF_", "GRADIO_"))
        and name not in ("DATABASE_URL", "RAY_ADDRESS", "SPACE_ID")
    }
    return {
        **kept,
        "STUDIO_HOME": str(home),
        "STUDIO_PORT": str(port),
        "STUDIO_SLOTS": "2",
        "OMP_NUM_THREADS": "1",
        "HF_ENDPOINT": hub,
        "HF_HOME": str(home.parent / "huggingface"),
        "STUDIO_LOW_DISK_GB": "0",
        "STUDIO_MCP": "yes",
    }


@dataclass
class RunningStudio:
    """One served studio, and the store behind it for what no page can bring about."""

    home: Path
    port: int = field(default_factory=free_port)
    hub: str = NO_HUB
    host: str = "127.0.0.1"
    variables: dict[str, str] = field(default_factory=dict)
    """Further variables of its environment."""

    @property
    def url(self) -> str:
        return f"http://{f'[{self.host}]' if ':' in self.host else self.host}:{self.port}"

    @property
    def store(self) -> JobStore:
        return JobStore(open_database(f"sqlite:///{self.home / 'studio.db'}"))

    def start(self) -> None:
        self.output = (self.home.parent / f"server-{self.port}.txt").open("w+")
        self.process = subprocess.Popen(
            [sys.executable, str(ROOT / "app.py")],
            cwd=self.home.parent,
            stdout=self.output,
            stderr=subprocess.STDOUT,
            env={**environment(self.home, self.port, self.hub), "STUDIO_HOST": self.host, **self.variables},
        )
        deadline = time.monotonic() + 90
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                break
            try:
                urllib.request.urlopen(f"{self.url}/health/live", timeout=2).close()
                return
            except OSError:
                time.sleep(0.2)
        raise AssertionError(f"The studio did not start:\n{self.said()}")

    def said(self) -> str:
        """Everything that the server wrote."""
        return (self.home.parent / f"server-{self.port}.txt").read_text()

    def end(self) -> None:
        for job in self.store.active():
            self.store.request_stop(job.id)
        deadline = time.monotonic() + 30
        while self.store.active() and time.monotonic() < deadline:
            time.sleep(0.1)
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(timeout=30)
        self.output.close()

    def add_ended(
        self,
        backbone: str,
        state: JobState,
        name: str = "a run of before",
        error: str | None = None,
        scores: dict[str, float] | None = None,
    ) -> Job:
        """A run that some other machine ended at step 40 of 60, with its curves and its log."""
        store = self.store
        job = store.add(
            name, recipe(backbone, 60).to_dict(), "sample:support-tickets.csv", "support-tickets.csv", 60, gpus=99
        )  # more than this machine has, so that its runner leaves it alone
        host = "another-machine"
        claimed = store.claim(host, range(200))
        assert claimed is not None and claimed.id == job.id
        values = [(step, "loss", 2.0 - step / 40) for step in range(1, 41)]
        values += [(step, "validation/accuracy", 0.5 + step / 100) for step in (0, 20, 40)]
        store.heartbeat(job.id, 40, "Training", values)
        log = Home(self.home).log(job.id)
        log.parent.mkdir(exist_ok=True)
        log.write_text(
            "2026-05-01T12:00:00Z Training ...\n2026-05-01T12:00:09Z the very last line of the log\n", encoding="utf-8"
        )
        assert store.finish(job.id, state, error=error, scores=scores, step=40)
        store.release(job.id)
        return store.get(job.id)


def recipe(backbone: str, steps: int) -> TuneConfig:
    return TuneConfig(
        backbone=backbone,
        data=DataConfig(input_columns=("text",), target_column="label"),
        lamp=LampConfig(prompt_length=20, rank=4),
        train=TrainConfig(steps=steps, precision="fp32"),
    )
