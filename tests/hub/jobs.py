"""Jobs of the small Hub: the command of each is run as a process of this machine, or played by a test."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

FLAVORS: list[dict[str, Any]] = [
    {
        "name": "cpu-basic",
        "prettyName": "CPU Basic",
        "cpu": "2 vCPU",
        "ram": "16 GB",
        "ephemeralStorage": "20 GB",
        "accelerator": None,
        "unitCostMicroUSD": 167,
        "unitCostUSD": 0.000167,
        "unitLabel": "minute",
    },
    {
        "name": "t4-small",
        "prettyName": "Nvidia T4 - small",
        "cpu": "4 vCPU",
        "ram": "15 GB",
        "ephemeralStorage": "50 GB",
        "accelerator": {"type": "gpu", "model": "T4", "quantity": "1", "vram": "16 GB", "manufacturer": "Nvidia"},
        "unitCostMicroUSD": 6667,
        "unitCostUSD": 0.006667,
        "unitLabel": "minute",
    },
]
"""As /api/jobs/hardware gives them (huggingface_hub 2.4, JobHardwareInfo)."""


@dataclass
class HubJob:
    """One job."""

    id: str
    owner: str
    asked: dict[str, Any]
    """What was sent to start it, with its secrets."""
    stage: str = "SCHEDULING"
    message: str | None = None
    log: list[str] = field(default_factory=list)
    process: subprocess.Popen[bytes] | None = None
    output: Path | None = None

    def run(self, hub_url: str) -> None:
        """Starts its command with nothing of this machine's environment but where its programs are."""
        folder = Path(tempfile.mkdtemp(prefix="hub-job-"))
        self.output = folder / "output"
        command = [sys.executable if word == "python" else word for word in self.asked["command"]]
        with self.output.open("wb") as output:
            self.process = subprocess.Popen(
                command,
                cwd=folder,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                env={
                    "PATH": os.environ["PATH"],
                    "HOME": str(folder),
                    "TMPDIR": str(folder),
                    "HF_ENDPOINT": hub_url,
                    "OMP_NUM_THREADS": "1",
                    **self.asked["environment"],
                    **self.asked.get("secrets", {}),
                },
            )
        self.stage = "RUNNING"

    def look(self) -> None:
        """Notices the end of its process."""
        if self.process is not None and self.stage == "RUNNING" and self.process.poll() is not None:
            self.stage = "ERROR" if self.process.returncode else "COMPLETED"
            self.message = f"Job failed with exit code {self.process.returncode}" if self.process.returncode else None

    def end(self, stage: str) -> None:
        """Ends it as a machine is ended: every process at once."""
        self.look()
        if self.stage in ("SCHEDULING", "RUNNING"):
            self.stage = stage
        if self.process is None or self.process.poll() is not None:
            return
        for process in [psutil.Process(self.process.pid), *psutil.Process(self.process.pid).children(recursive=True)]:
            try:
                process.kill()
            except psutil.NoSuchProcess:
                continue
        self.process.wait()

    def lines(self) -> list[str]:
        """What it has written."""
        written = self.output.read_text(errors="replace").splitlines() if self.output else []
        return [*self.log, *written]

    def info(self) -> dict[str, Any]:
        """What the Hub tells of it (huggingface_hub 2.4, JobInfo)."""
        self.look()
        return {
            "id": self.id,
            "createdAt": "2026-01-01T00:00:00.000Z",
            "startedAt": None,
            "finishedAt": None,
            "dockerImage": self.asked.get("dockerImage"),
            "spaceId": self.asked.get("spaceId"),
            "command": self.asked["command"],
            "arguments": [],
            "environment": self.asked["environment"],
            "secrets": dict.fromkeys(self.asked.get("secrets", {}), ""),
            "flavor": self.asked["flavor"],
            "labels": self.asked.get("labels"),
            "volumes": None,
            "status": {"stage": self.stage, "message": self.message},
            "durations": {"schedulingSecs": 1, "runningSecs": 90, "totalSecs": 91},
            "owner": {"id": "1", "name": self.owner, "type": "user"},
            "initiator": {"type": "user", "id": "1", "name": self.owner},
        }
