"""Settings of one studio, from environment variables."""

from __future__ import annotations

import os
import re
import socket
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import urlsplit

from app.quotas import UNLIMITED, Quotas
from app.sign_in import SignIn
from lamp.errors import ConfigError
from storage.quota import AtOnce

_SPACE_STORAGE = Path("/data")
"""Where a Space has its persistent storage, if it has any."""

TRACKERS = {"trackio": ("trackio",), "tensorboard": ("tensorboard", "tensorboardX"), "wandb": ("wandb",)}
"""Experiment trackers → packages of which it needs one."""


@dataclass(frozen=True)
class Settings:
    """Where a studio stores its files, where it listens and how it runs jobs."""

    home: Path
    """STUDIO_HOME: database, uploads, artifacts, checkpoints, logs and converted backbones."""
    host: str
    """STUDIO_HOST"""
    port: int
    """STUDIO_PORT"""
    database_url: str
    """DATABASE_URL: SQLite in the home folder unless it says otherwise."""
    on_space: bool
    """Whether this is a Hugging Face Space, open to strangers."""
    auto_resume: bool
    """STUDIO_AUTO_RESUME: whether runs whose worker vanished are resumed without being asked."""
    slots: int | None
    """STUDIO_SLOTS: runs at a time; one a GPU, or one on the CPU, when not set."""
    low_disk_bytes: int
    """STUDIO_LOW_DISK_GB: new runs and uploads are refused when less is free."""
    allowed_hosts: tuple[str, ...] = ()
    """STUDIO_ALLOWED_HOSTS: further names that requests may give, as behind a reverse proxy; on a Space its own too."""
    most_queued: int = 50
    """STUDIO_MOST_QUEUED: new runs are refused while as many wait."""
    json_log: bool = False
    """STUDIO_LOG_FORMAT: whether each line of the server's log is a JSON object."""
    webhook: str = field(default="", repr=False)
    """STUDIO_WEBHOOK: an address that is told of each run that ends; it may hold a secret."""
    sign_in: SignIn = field(default_factory=SignIn)
    """How people say who they are, and who is an admin."""
    space: str = ""
    """SPACE_ID: the Space's "owner/name"; empty elsewhere."""
    demo: bool = False
    """STUDIO_DEMO: whether people only look at runs and try their prompts, without signing in."""
    quotas: Quotas = UNLIMITED
    """STUDIO_QUOTA_...: what each person may take who is no admin."""
    ray_address: str = ""
    """RAY_ADDRESS: the address of a Ray cluster's dashboard, on which runs go on in place of this machine."""
    cluster_gpus: int | None = None
    """The most GPUs of one machine of that cluster (app.jobs.cluster); None where runs go on on this machine."""
    agents: bool = False
    """STUDIO_MCP: whether agents are given the endpoints as tools of the Model Context Protocol."""
    tracker: str = ""
    """STUDIO_TRACKER: the experiment tracker that gets the numbers of runs, one of `TRACKERS`; none when empty."""

    @property
    def at_once(self) -> AtOnce:
        """How many runs of one person may be at work; what nobody's name stands on is the admins'."""
        return AtOnce(self.quotas.running, self.sign_in.admins | {""})

    @property
    def is_lasting(self) -> bool:
        """Whether the files outlive a restart of the machine; those of a Space do only in its persistent storage."""
        return not self.on_space or self.home.is_relative_to(_SPACE_STORAGE)

    @property
    def address(self) -> str:
        """Where people find the pages, as far as the settings tell: the first allowed host's name, over https."""
        if self.allowed_hosts:
            return f"https://{self.allowed_hosts[0]}"
        host = socket.gethostname() if self.host in ("0.0.0.0", "::") else self.host
        return f"http://{f'[{host}]' if ':' in host else host}:{self.port}"

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> Settings:
        """Reads the settings. Raises one ConfigError that names every variable with an invalid value."""
        problems: list[str] = []

        def number(name: str, default: float, low: float, high: float) -> float:
            text = environment.get(name, "").strip()
            try:
                value = float(text) if text else default
            except ValueError:
                value = low - 1
            if not low <= value <= high:
                problems.append(f"{name} must be a number between {low:g} and {high:g}, not {text!r}.")
            return value

        on_space = bool(environment.get("SPACE_ID"))
        lasting = on_space and os.access(_SPACE_STORAGE, os.W_OK)
        home = Path(environment.get("STUDIO_HOME") or (_SPACE_STORAGE / "studio" if lasting else "studio-data"))
        home = home.expanduser().absolute()
        port = int(number("STUDIO_PORT", 7860, 1, 65535))
        low_disk = number("STUDIO_LOW_DISK_GB", 1.0, 0, 1e6)
        slots = int(number("STUDIO_SLOTS", 1, 1, 10_000)) if environment.get("STUDIO_SLOTS", "").strip() else None
        most_queued = int(number("STUDIO_MOST_QUEUED", 50, 1, 100_000))
        hosts = environment.get("STUDIO_ALLOWED_HOSTS", "").replace(",", " ").split()
        if wrong := [host for host in hosts if not re.fullmatch(r"[A-Za-z0-9.:_-]+", host)]:
            problems.append(f"STUDIO_ALLOWED_HOSTS must be names such as studio.example.org, not {wrong[0]!r}.")
        own = []
        if on_space:
            own = [*environment.get("SPACE_HOST", "").replace(",", " ").split(), _space_host(environment["SPACE_ID"])]
        hosts += own
        sign_in = SignIn.from_environment(environment, own, problems)
        demo = environment.get("STUDIO_DEMO", "").strip().lower() or "no"
        if demo not in {"1", "yes", "0", "no"}:
            problems.append(f"STUDIO_DEMO must be 1 or empty, not {demo!r}.")
        is_demo = demo in {"1", "yes"}
        quotas = Quotas.from_environment(environment, problems)
        resume = environment.get("STUDIO_AUTO_RESUME", "yes").strip().lower()
        if resume not in {"yes", "no"}:
            problems.append(f"STUDIO_AUTO_RESUME must be yes or no, not {resume!r}.")
        log_format = environment.get("STUDIO_LOG_FORMAT", "text").strip().lower()
        if log_format not in {"text", "json"}:
            problems.append(f"STUDIO_LOG_FORMAT must be text or json, not {log_format!r}.")
        agents = environment.get("STUDIO_MCP", "no").strip().lower()
        if agents not in {"yes", "no"}:
            problems.append(f"STUDIO_MCP must be yes or no, not {agents!r}.")
        elif agents == "yes" and not find_spec("mcp"):
            problems.append("STUDIO_MCP is yes, but mcp is not installed: pip install mcp==1.30.0.")
        webhook = environment.get("STUDIO_WEBHOOK", "").strip()
        if webhook and not _is_web_address(webhook):
            problems.append("STUDIO_WEBHOOK must be an address such as https://example.org/hook, without a password.")
        ray_address = environment.get("RAY_ADDRESS", "").strip().rstrip("/")
        if ray_address and not _is_web_address(ray_address):
            problems.append(
                "RAY_ADDRESS must be the address of the cluster's dashboard, such as http://head:8265, "
                f"not {ray_address!r}."
            )
        tracker = environment.get("STUDIO_TRACKER", "").strip().lower()
        if tracker and tracker not in TRACKERS:
            problems.append(f"STUDIO_TRACKER must be {', '.join(TRACKERS)} or empty, not {tracker!r}.")
        elif tracker and not any(map(find_spec, TRACKERS[tracker])):
            problems.append(f"STUDIO_TRACKER is {tracker}, which is not installed: pip install {TRACKERS[tracker][0]}.")
        if problems:
            raise ConfigError(problems)
        return cls(
            home=home,
            host=environment.get("STUDIO_HOST") or ("0.0.0.0" if on_space else "127.0.0.1"),
            port=port,
            database_url=environment.get("DATABASE_URL") or f"sqlite:///{home / 'studio.db'}",
            on_space=on_space,
            auto_resume=resume == "yes",
            slots=slots,
            low_disk_bytes=int(low_disk * 1e9),
            allowed_hosts=tuple(host.lower() for host in dict.fromkeys(hosts) if host),
            most_queued=most_queued,
            json_log=log_format == "json",
            webhook=webhook,
            sign_in=SignIn(admins=sign_in.admins) if is_demo else sign_in,
            space=environment.get("SPACE_ID", ""),
            demo=is_demo,
            quotas=quotas,
            ray_address=ray_address,
            agents=agents == "yes",
            tracker=tracker,
        )


def _is_web_address(text: str) -> bool:
    try:
        parts = urlsplit(text)
        return (
            parts.scheme in ("http", "https") and bool(parts.hostname) and "@" not in parts.netloc and parts.port != 0
        )
    except ValueError:  # such as a port that is no number
        return False


def _space_host(id: str) -> str:
    """The name at which the Hub serves a Space: "ada-prompts.hf.space" for "ada/prompts"."""
    return re.sub(r"[^a-z0-9]+", "-", id.lower()).strip("-") + ".hf.space"
