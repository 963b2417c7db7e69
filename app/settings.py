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

from app.access.quotas import UNLIMITED, Quotas
from app.access.sign_in import SignIn
from app.environment import Environment
from app.machine.rented import RentedMachine
from lamp.errors import ConfigError
from storage.object_store import address_problem
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
    zero_gpu: bool = False
    """SPACES_ZERO_GPU: whether this is a Space whose GPU is lent for single calls, so that runs cannot use it."""
    demo: bool = False
    """STUDIO_DEMO: whether people only look at runs and try their prompts, without signing in."""
    quotas: Quotas = UNLIMITED
    """STUDIO_QUOTA_...: what each person may take who is no admin."""
    ray_address: str = ""
    """RAY_ADDRESS: the address of a Ray cluster's dashboard, on which runs go on in place of this machine."""
    cluster_gpus: int | None = None
    """The most GPUs that a run gets of a machine of that cluster, or of a rented one; None where runs go on on this
    machine."""
    files: str = ""
    """STUDIO_FILES: the fsspec address of a store that has all files of runs and data sets, of which the home folder of
    each machine then has copies; as "s3://bucket/prefix". Files lie in the home folder alone when empty."""
    hf_jobs: str = ""
    """STUDIO_HF_JOBS: the flavor of the Hub's Jobs, as "t4-small", on which runs go on in place of this machine."""
    hf_jobs_token: str = field(default="", repr=False)
    """STUDIO_HF_JOBS_TOKEN: of the account that pays; it may write, and start jobs."""
    hf_jobs_image: str = ""
    """STUDIO_HF_JOBS_IMAGE: the Docker image of the jobs."""
    hf_jobs_hours: float = 6.0
    """STUDIO_HF_JOBS_HOURS: after which the Hub ends a job."""
    rented: RentedMachine | None = None
    """That flavor as the Hub describes it (app.jobs.rented.executor); None where runs go on elsewhere."""
    agents: bool = False
    """STUDIO_MCP: whether agents are given the endpoints as tools of the Model Context Protocol."""
    serves: bool = True
    """STUDIO_SERVE: whether programs may ask prompts through the API of OpenAI's clients; not on a Space or in a demo
    unless it says so."""
    tracker: str = ""
    """STUDIO_TRACKER: the experiment tracker that gets the numbers of runs, one of `TRACKERS`; none when empty."""

    @property
    def files_on_hub(self) -> bool:
        """Whether the store of files is on the Hub, so that workers need the Hub even for a backbone that is here."""
        return self.files.startswith("hf://")

    @property
    def work_home(self) -> Path:
        """Where workers have the files of their runs: apart from the server's where a store is between them."""
        return self.home / "work" if self.files else self.home

    @property
    def tells_people_apart(self) -> bool:
        """Whether it matters who asks: people sign in, or visit a demo."""
        return self.sign_in.asks or self.demo

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
        read = Environment(environment)
        on_space = bool(environment.get("SPACE_ID"))
        lasting = on_space and os.access(_SPACE_STORAGE, os.W_OK)
        home = Path(environment.get("STUDIO_HOME") or (_SPACE_STORAGE / "studio" if lasting else "studio-data"))
        home = home.expanduser().absolute()
        own = [*read.words("SPACE_HOST"), _space_host(environment["SPACE_ID"])] if on_space else []
        sign_in = SignIn.from_environment(read, own)
        is_demo = read.switch("STUDIO_DEMO", False)
        settings = cls(
            home=home,
            host=environment.get("STUDIO_HOST") or ("0.0.0.0" if on_space else "127.0.0.1"),
            port=int(read.number("STUDIO_PORT", 7860, 1, 65535)),
            database_url=environment.get("DATABASE_URL") or f"sqlite:///{home / 'studio.db'}",
            on_space=on_space,
            auto_resume=read.switch("STUDIO_AUTO_RESUME", True),
            slots=int(read.number("STUDIO_SLOTS", 1, 1, 10_000)) if read.text("STUDIO_SLOTS") else None,
            low_disk_bytes=int(read.number("STUDIO_LOW_DISK_GB", 1.0, 0, 1e6) * 1e9),
            allowed_hosts=_allowed_hosts(read, own),
            most_queued=int(read.number("STUDIO_MOST_QUEUED", 50, 1, 100_000)),
            json_log=read.one_of("STUDIO_LOG_FORMAT", ("text", "json"), "text") == "json",
            webhook=_webhook(read),
            sign_in=SignIn(admins=sign_in.admins) if is_demo else sign_in,
            space=environment.get("SPACE_ID", ""),
            zero_gpu=on_space and environment.get("SPACES_ZERO_GPU", "").lower() in ("1", "t", "true"),
            demo=is_demo,
            quotas=Quotas.from_environment(read),
            ray_address=_ray_address(read),
            files=_files(read),
            hf_jobs=_hf_jobs(read),
            hf_jobs_token=read.text("STUDIO_HF_JOBS_TOKEN"),
            hf_jobs_image=read.text("STUDIO_HF_JOBS_IMAGE") or "python:3.12",
            hf_jobs_hours=read.number("STUDIO_HF_JOBS_HOURS", 6.0, 0.1, 240),
            agents=_agents(read),
            serves=read.switch("STUDIO_SERVE", not (on_space or is_demo)),
            tracker=_tracker(read),
        )
        if read.problems:
            raise ConfigError(read.problems)
        return settings


def _allowed_hosts(read: Environment, own: list[str]) -> tuple[str, ...]:
    hosts = read.words("STUDIO_ALLOWED_HOSTS")
    if wrong := [host for host in hosts if not re.fullmatch(r"[A-Za-z0-9.:_-]+", host)]:
        read.problems.append(f"STUDIO_ALLOWED_HOSTS must be names such as studio.example.org, not {wrong[0]!r}.")
    return tuple(host.lower() for host in dict.fromkeys((*hosts, *own)) if host)


def _webhook(read: Environment) -> str:
    address = read.text("STUDIO_WEBHOOK")
    if address and not _is_web_address(address):
        read.problems.append("STUDIO_WEBHOOK must be an address such as https://example.org/hook, without a password.")
    return address


def _ray_address(read: Environment) -> str:
    address = read.text("RAY_ADDRESS").rstrip("/")
    if address and not _is_web_address(address):
        read.problems.append(
            f"RAY_ADDRESS must be the address of the cluster's dashboard, such as http://head:8265, not {address!r}."
        )
    return address


def _files(read: Environment) -> str:
    address = read.text("STUDIO_FILES")
    if address and (problem := address_problem(address)):
        read.problems.append(f"STUDIO_FILES {problem}.")
    return address


def _hf_jobs(read: Environment) -> str:
    flavor = read.text("STUDIO_HF_JOBS")
    if flavor and not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9-]*", flavor):
        read.problems.append(f"STUDIO_HF_JOBS must be a flavor of the Hub's Jobs, such as t4-small, not {flavor!r}.")
    if flavor and read.text("RAY_ADDRESS"):
        read.problems.append("RAY_ADDRESS and STUDIO_HF_JOBS both say where runs go on: take one of them out.")
    return flavor


def _agents(read: Environment) -> bool:
    wanted = read.switch("STUDIO_MCP", False)
    if wanted and not find_spec("mcp"):
        read.problems.append("STUDIO_MCP is yes, but mcp is not installed: pip install mcp==1.30.0.")
    return wanted


def _tracker(read: Environment) -> str:
    tracker = read.text("STUDIO_TRACKER").lower()
    if tracker and tracker not in TRACKERS:
        read.problems.append(f"STUDIO_TRACKER must be {', '.join(TRACKERS)} or empty, not {tracker!r}.")
    elif tracker and not any(map(find_spec, TRACKERS[tracker])):
        package = TRACKERS[tracker][0]
        read.problems.append(f"STUDIO_TRACKER is {tracker}, which is not installed: pip install {package}.")
    return tracker


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
