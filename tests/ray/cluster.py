"""A real Ray cluster on loopback: one process tree for each node, ended as a machine is that loses its power."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

import httpx2
import psutil

_SECONDS = 120
"""How long a node may take to start on a busy machine."""
TOKEN = "t" * 40
"""Ray asks for it (RAY_AUTH_MODE=token), as a cluster should that others can reach."""


class Cluster:
    """Starts nodes of one processor each; the first is the head."""

    def __init__(self, folder: Path, environment: Mapping[str, str], homes: Path | None = None) -> None:
        """folder: a short path, because sockets lie under it; environment: of the nodes, besides their own.

        homes: where each node gets a STUDIO_HOME of its own, if it does.
        """
        self._homes = homes
        self._ports = [free_port(), free_port()]
        self.address = f"http://127.0.0.1:{self._ports[1]}"
        self._folder = folder
        self._environment = {**os.environ, **environment, "RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": TOKEN}
        self.nodes: list[subprocess.Popen[bytes]] = []

    def add_node(self) -> psutil.Process:
        """The process that all others of the new node descend from."""
        head = (
            ["--head", f"--port={self._ports[0]}", f"--dashboard-port={self._ports[1]}", f"--temp-dir={self._folder}"]
            if not self.nodes
            else [f"--address=127.0.0.1:{self._ports[0]}"]
        )
        options = ["--num-cpus=1", "--num-gpus=0", "--object-store-memory=100000000", "--dashboard-agent-listen-port=0"]
        with (self._folder / f"node-{len(self.nodes)}.log").open("wb") as log:
            program = [str(Path(sys.executable).with_name("ray")), "start", "--block", "--disable-usage-stats"]
            own = {"STUDIO_HOME": str(self._homes / f"node-{len(self.nodes)}")} if self._homes else {}
            environment = {**self._environment, **own}
            node = subprocess.Popen([*program, *head, *options], env=environment, stdout=log, stderr=log)
        self.nodes.append(node)
        deadline = time.monotonic() + _SECONDS
        while self._alive() < len(self.nodes):
            assert node.poll() is None and time.monotonic() < deadline, self._said()
            time.sleep(0.2)
        return psutil.Process(node.pid)

    def close(self) -> None:
        """Ends all nodes."""
        for node in reversed(self.nodes):
            if node.poll() is None:
                end_at_once(psutil.Process(node.pid))
            node.wait()

    def _alive(self) -> int:
        try:
            answer = httpx2.get(
                f"{self.address}/api/v0/nodes", headers={"Authorization": f"Bearer {TOKEN}"}, timeout=10
            )
            return sum(node["state"] == "ALIVE" for node in answer.json()["data"]["result"]["result"])
        except (httpx2.HTTPError, ValueError, KeyError, TypeError):
            return 0

    def _said(self) -> str:
        return "\n".join(path.read_text(errors="replace")[-2000:] for path in self._folder.glob("node-*.log"))


def end_at_once(node: psutil.Process) -> None:
    """SIGKILL to everything on a node, first to what could start something new."""
    for process in [node, *node.children(recursive=True)]:
        try:
            process.send_signal(signal.SIGKILL)
        except psutil.NoSuchProcess:
            continue


def runs_on(node: psutil.Process) -> set[str]:
    """Ids of the runs whose workers are on a node."""
    ids = set()
    for process in node.children(recursive=True):
        try:
            words = process.cmdline()
        except psutil.NoSuchProcess:
            continue
        if words[1:3] == ["-m", "app.jobs.worker"]:
            ids.add(words[3])
    return ids


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
