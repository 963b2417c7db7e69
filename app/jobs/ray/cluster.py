"""The runner of a Ray cluster, made from the settings, and the checks before a studio starts on one."""

from __future__ import annotations

from dataclasses import dataclass, replace

from app.jobs.local import runner_with
from app.jobs.ray.api import RayApi, RayRefused, RayUnavailable
from app.jobs.ray.executor import RayExecutor, Share
from app.jobs.runner import Runner
from app.settings import Settings
from lamp.errors import LampError
from storage.database import Database
from storage.home import Home

Node = dict[str, float]


def check_records(settings: Settings) -> None:
    """Raises LampError unless several machines can write to the database."""
    if settings.database_url.startswith("sqlite"):
        raise LampError(
            "The runs of a Ray cluster need their records in PostgreSQL, because SQLite cannot be shared between "
            "machines: set DATABASE_URL for the studio and on every machine of the cluster (docs/scale.md)."
        )


@dataclass(frozen=True)
class Cluster:
    """The cluster as it was when the studio started."""

    settings: Settings
    """The settings with the cluster's GPUs, and as many slots as runs fit at a time, unless STUDIO_SLOTS is set."""
    share: Share

    @classmethod
    def of(cls, settings: Settings) -> Cluster:
        """Connects to the cluster at RAY_ADDRESS. Raises LampError if runs cannot work there."""
        check_records(settings)
        nodes = _nodes(settings)
        share = share_of(nodes, settings.slots)
        slots = settings.slots or room(nodes, share)
        most_gpus = max(int(node.get("GPU", 0)) for node in nodes)
        return cls(replace(settings, slots=slots, cluster_gpus=most_gpus), share)

    def runner(self, database: Database) -> Runner:
        """Creates a runner for the cluster, not started yet."""
        executor = RayExecutor(self.settings.ray_address, Home(self.settings.home), self.share)
        return runner_with(executor, [""] * (self.settings.slots or 1), self.settings, database)


def share_of(nodes: list[Node], slots: int | None) -> Share:
    """Returns what a run gets: for each GPU its share of the node's cores; without GPUs a node, or a slot's share of
    all cores."""
    shares = [int(node.get("CPU", 0) // node["GPU"]) for node in nodes if node.get("GPU", 0) >= 1]
    if shares:
        return Share(max(1, min(shares)), has_gpus=True)
    cores = [int(node.get("CPU", 0)) for node in nodes if node.get("CPU", 0) >= 1]
    whole = min(cores) if slots is None else min(max(cores), sum(cores) // slots)
    return Share(max(1, whole), has_gpus=False)


def room(nodes: list[Node], share: Share) -> int:
    """Returns how many runs fit into the cluster at a time."""
    if share.has_gpus:
        return sum(int(node.get("GPU", 0)) for node in nodes)
    return sum(int(node.get("CPU", 0)) // share.cpus for node in nodes)


def _nodes(settings: Settings) -> list[Node]:
    try:
        nodes = RayApi(settings.ray_address).nodes()
    except (RayUnavailable, RayRefused) as error:
        raise LampError(f"The studio cannot use the Ray cluster at {settings.ray_address}: {error}") from None
    if not any(node.get("CPU", 0) >= 1 for node in nodes):
        raise LampError(f"The Ray cluster at {settings.ray_address} has no machine with a free processor for runs.")
    return nodes
