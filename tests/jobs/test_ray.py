"""Runs that are handed to a Ray cluster, which a stand-in for its HTTP interface plays: tests/ray has a real one."""

from __future__ import annotations

import json
import shlex
import signal
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import httpx2
import pytest

from app.jobs import worker
from app.jobs.ray import cluster
from app.jobs.ray import node as ray_node
from app.jobs.ray.api import RayApi
from app.jobs.ray.cluster import Cluster, room, share_of
from app.jobs.ray.executor import RayExecutor, Share
from app.jobs.runner import Runner
from app.settings import Settings
from lamp.errors import ConfigError, LampError
from storage.jobs import Job, JobState, Worker
from tests.jobs import toy
from tests.jobs.conftest import QUICK, System

ADDRESS = "http://head:8265"


@dataclass
class StandIn:
    """The part of Ray's dashboard that the studio asks."""

    jobs: dict[str, dict[str, Any]] = field(default_factory=dict)
    status: dict[str, str] = field(default_factory=dict)
    message: str = ""
    nodes: list[dict[str, float]] = field(default_factory=lambda: [{"CPU": 4.0}])
    stopped: list[str] = field(default_factory=list)
    answers: bool = True
    refusal: str = ""
    lost_answers: bool = False
    """Whether it takes jobs and then does not say so."""

    def __call__(self, request: httpx2.Request) -> httpx2.Response:
        if not self.answers:
            raise httpx2.ConnectError("refused", request=request)
        path = request.url.path
        if path == "/api/version":
            return httpx2.Response(200, json={"ray_version": "2"})
        if path == "/api/v0/nodes":
            rows = [{"state": "ALIVE", "resources_total": node} for node in self.nodes]
            rows.append({"state": "DEAD", "resources_total": {"CPU": 99.0}})
            return httpx2.Response(200, json={"data": {"result": {"result": rows}}})
        if request.method == "POST" and path == "/api/jobs/":
            if self.refusal:
                return httpx2.Response(400, text=f"Traceback\n{self.refusal}")
            job = json.loads(request.content)
            self.jobs[job["submission_id"]] = job
            self.status[job["submission_id"]] = "PENDING"
            if self.lost_answers:
                raise httpx2.ReadTimeout("late", request=request)
            return httpx2.Response(200, json={"submission_id": job["submission_id"]})
        name = path.split("/")[3]
        if name not in self.status:
            return httpx2.Response(404, text="none")
        if path.endswith("/stop"):
            self.stopped.append(name)
            return httpx2.Response(200, json={"stopped": True})
        return httpx2.Response(200, json={"status": self.status[name], "message": self.message})

    def only(self) -> str:
        """The name of the one job."""
        (name,) = self.jobs
        return name


class Eager(RayExecutor):
    """Asks Ray at once, so that tests need not wait for a silence."""

    quiet_seconds = 0.0


@pytest.fixture
def ray() -> StandIn:
    return StandIn()


@pytest.fixture
def runner(system: System, ray: StandIn) -> Runner:
    api = RayApi(ADDRESS, httpx2.MockTransport(ray))
    executor = Eager(ADDRESS, system.home, Share(2, has_gpus=False), api)
    return Runner(system.store, executor, ["", ""], timeouts=replace(QUICK, exit=0, terminate=0, stop=0.01))


def settings(system: System, **variables: str) -> Settings:
    return Settings.from_environment({**system.environment(), "RAY_ADDRESS": ADDRESS, **variables})


def beat(system: System, job: Job, step: int = 1) -> JobState | None:
    """A sign of life of the worker of this attempt."""
    return system.store.heartbeat(job.id, step, "Training", attempt=job.attempts)


def test_a_run_is_handed_over_once_with_what_it_asks_for_and_no_secret(
    system: System, ray: StandIn, runner: Runner, monkeypatch: pytest.MonkeyPatch
) -> None:
    secrets = {"HF_TOKEN": "hf_secret", "STUDIO_WEBHOOK": "https://a/secret", "STUDIO_API_KEY": "secret"}
    for name, value in {
        **secrets,
        "STUDIO_TRACKER": "trackio",
        "STUDIO_AUTH": "/etc/people",
        "DATABASE_URL": "postgresql://a:secret@b/c",
    }.items():
        monkeypatch.setenv(name, value)
    job = system.submit()
    runner.turn()
    runner.turn()
    handed = ray.jobs[ray.only()]
    assert handed["entrypoint_num_cpus"] == 2 and "entrypoint_num_gpus" not in handed
    variables = handed["runtime_env"]["env_vars"]
    assert set(variables) == {"STUDIO_HOME", "STUDIO_TRACKER", "RAY_JOB_STOP_WAIT_TIME_S"}
    assert "secret" not in json.dumps(handed)
    program = shlex.split(handed["entrypoint"].partition("exec ")[2])
    assert program == [sys.executable, "-m", "app.jobs.ray.node", job.id, "1", "Ray at head:8265", ray.only()]
    started = system.store.get(job.id)
    assert started.worker is not None and started.worker.process == ray.only()
    assert ray.only() in system.home.log(job.id).read_text()


def test_a_run_that_asks_for_gpus_gets_them_with_their_cores(system: System, ray: StandIn) -> None:
    executor = RayExecutor(ADDRESS, system.home, Share(8, has_gpus=True), RayApi(ADDRESS, httpx2.MockTransport(ray)))
    system.store.add("pair", system.config.to_dict(), system.dataset, "table.csv", 4, gpus=2)
    Runner(system.store, executor, [""] * 4).turn()
    handed = ray.jobs[ray.only()]
    assert (handed["entrypoint_num_gpus"], handed["entrypoint_num_cpus"]) == (2, 16)


def test_a_run_that_waits_for_a_node_shows_it_and_is_taken_for_lost_by_nobody(
    system: System, ray: StandIn, runner: Runner
) -> None:
    job = system.submit()
    runner.turn()
    before = system.store.get(job.id).beats
    runner.turn()
    waiting = system.store.get(job.id)
    assert (waiting.state, waiting.phase) == (JobState.RUNNING, "Waiting for a machine that is free")
    assert waiting.beats > before, "another studio on this database hears of it"
    ray.status[ray.only()] = "RUNNING"
    beats = waiting.beats
    runner.turn()
    assert system.store.get(job.id).beats == beats, "a worker gives its own signs of life"


def test_a_run_that_waits_for_a_node_is_stopped_at_once_and_ray_is_told(
    system: System, ray: StandIn, runner: Runner
) -> None:
    job = system.submit()
    runner.turn()
    system.store.request_stop(job.id)
    runner.turn()
    stopped = system.store.get(job.id)
    assert stopped.state is JobState.STOPPED and ray.stopped and set(ray.stopped) == {ray.only()}
    assert system.store.releasing_slots("Ray at head:8265"), "until Ray has let go of it"
    ray.status[ray.only()] = "STOPPED"
    runner.turn()
    assert system.store.releasing_slots("Ray at head:8265") == []


@pytest.mark.parametrize("how", ["FAILED", "gone"])
def test_a_run_whose_node_died_is_handed_over_again_and_its_first_worker_can_write_no_more(
    system: System, ray: StandIn, runner: Runner, how: str
) -> None:
    job = system.submit()
    runner.turn()
    first, name = system.store.get(job.id), ray.only()
    ray.status[name] = "RUNNING"
    beat(system, first)
    if how == "FAILED":
        ray.status[name], ray.message = "FAILED", "Job supervisor actor died: The node died.\n\tmore"
    else:
        del ray.status[name]
    runner.turn()
    runner.turn()
    again = system.store.get(job.id)
    assert (again.state, again.attempts, again.resumes) == (JobState.RUNNING, 2, 1)
    assert len(ray.jobs) == 2 and again.worker is not None and again.worker.process != name
    reasons = [event.reason for event in system.store.events(job.id) if event.state is JobState.INTERRUPTED]
    said = " Ray says: Job supervisor actor died: The node died." if how == "FAILED" else ""
    assert reasons == [f"Its worker vanished, or the machine that it was on.{said}"]
    assert beat(system, first) is None, "a worker of the first attempt ends when it hears this"
    assert first.worker is not None and not system.store.started(job.id, 1, first.worker)


def test_while_ray_does_not_answer_nothing_is_taken_for_ended_and_nothing_is_started(
    system: System, ray: StandIn, runner: Runner
) -> None:
    job = system.submit()
    runner.turn()
    ray.answers = False
    later = system.submit()
    for _ in range(5):
        runner.turn()
    assert system.store.get(job.id).state is JobState.RUNNING
    assert (system.store.get(later.id).state, system.store.get(later.id).attempts) == (JobState.QUEUED, 0)
    system.store.finish(job.id, JobState.DONE, attempt=1)
    runner.turn()
    assert system.store.releasing_slots("Ray at head:8265"), "its slot is not given to another run either"


def test_a_run_that_ray_took_without_saying_so_is_not_handed_over_twice(
    system: System, ray: StandIn, runner: Runner
) -> None:
    ray.lost_answers = True
    job = system.submit()
    for _ in range(3):
        runner.turn()
    taken = system.store.get(job.id)
    assert taken.attempts == 1 and taken.worker is not None and taken.worker.process == ray.only()


def test_a_run_that_ray_refuses_has_failed_with_its_sentence(system: System, ray: StandIn, runner: Runner) -> None:
    ray.refusal = "ValueError: no such resource"
    job = system.submit()
    runner.turn()
    failed = system.store.get(job.id)
    assert failed.state is JobState.FAILED
    assert failed.error == "The worker could not be started: Ray refused it (400): ValueError: no such resource."


def test_a_worker_that_does_not_stop_is_ended_by_ray(system: System, ray: StandIn, runner: Runner) -> None:
    job = system.submit()
    runner.turn()
    ray.status[ray.only()] = "RUNNING"
    system.store.request_stop(job.id)
    deadline = time.monotonic() + 20
    while not ray.stopped and time.monotonic() < deadline:
        runner.turn()
    assert ray.stopped and system.store.get(job.id).state is JobState.STOPPING, "it may still be at work"
    ray.status[ray.only()] = "STOPPED"
    runner.turn()
    assert system.store.get(job.id).state is JobState.STOPPED


def test_a_run_gets_the_cores_of_its_gpu_or_a_machine_or_a_slot_s_part_of_them() -> None:
    gpus = [{"CPU": 32.0, "GPU": 4.0}, {"CPU": 12.0, "GPU": 2.0}, {"CPU": 4.0}]
    assert share_of(gpus, None) == Share(6, has_gpus=True) and room(gpus, Share(6, has_gpus=True)) == 6
    unequal = [{"CPU": 8.0}, {"CPU": 6.0}, {"memory": 1.0}]
    assert share_of(unequal, None) == Share(6, has_gpus=False) and room(unequal, Share(6, has_gpus=False)) == 2
    assert share_of(unequal, 7) == Share(2, has_gpus=False)
    assert share_of(unequal, 1) == Share(8, has_gpus=False), "more than one machine has would never be free"


def test_what_a_cluster_needs_is_said_before_the_studio_starts(
    system: System, ray: StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cluster, "RayApi", lambda address: RayApi(address, httpx2.MockTransport(ray)))
    with pytest.raises(LampError, match="need their records in PostgreSQL, because SQLite cannot be shared"):
        Cluster.of(settings(system))
    postgres = settings(system, DATABASE_URL="postgresql://studio@db/studio")
    ray.nodes = [{"CPU": 16.0, "GPU": 2.0}, {"CPU": 16.0, "GPU": 4.0}]
    found = Cluster.of(postgres)
    assert (found.settings.slots, found.settings.cluster_gpus, found.share) == (6, 4, Share(4, has_gpus=True))
    ray.nodes = []
    with pytest.raises(LampError, match="has no machine with a free processor"):
        Cluster.of(postgres)
    ray.answers = False
    with pytest.raises(LampError, match="cannot use the Ray cluster at http://head:8265: Ray does not answer"):
        Cluster.of(postgres)
    with pytest.raises(ConfigError, match="RAY_ADDRESS must be the address of the cluster's dashboard"):
        settings(system, RAY_ADDRESS="10.0.0.1:6379")


Node = Callable[[Job], tuple[int, str]]


@pytest.fixture
def on_node(system: System, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Node:
    """Begins a worker as Ray does, up to the moment in which it becomes the worker; its exit status and output."""
    monkeypatch.setattr(ray_node, "check_records", lambda settings: None)
    for name, value in {**system.environment(), "RAY_ADDRESS": "10.0.0.1:6379"}.items():
        monkeypatch.setenv(name, value)

    def begin(job: Job) -> tuple[int, str]:
        status = ray_node.main([job.id, str(job.attempts), "Ray at head:8265", "lamp-name"])
        return status, capfd.readouterr().err

    return begin


def test_on_a_node_without_the_shared_folder_a_run_fails_with_that_sentence(system: System, on_node: Node) -> None:
    system.submit()
    job = system.store.claim("Ray at head:8265", [0])
    assert job is not None
    status, said = on_node(job)
    failed = system.store.get(job.id)
    assert status == 1 and failed.state is JobState.FAILED
    assert failed.error is not None and "does not have the studio's files under" in failed.error in said
    assert not system.home.log(job.id).exists(), "nothing is written where nobody would look for it"


def test_a_node_says_that_its_records_are_in_sqlite(
    system: System, on_node: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ray_node, "check_records", cluster.check_records)
    job = system.submit()
    status, said = on_node(job)
    assert status == 1 and "need their records in PostgreSQL" in said


def test_a_worker_that_ray_starts_is_the_one_that_was_handed_over(
    system: System, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(signal, "signal", lambda *_: None)
    host = "Ray at head:8265"
    system.submit(2)
    job = system.store.claim(host, [0])
    assert job is not None and system.store.started(job.id, 1, Worker(host, 0, "lamp-name"))
    own = Settings.from_environment(system.environment())
    assert worker.run(job.id, 1, own, toy.work, Worker(host, 17, "lamp-other")) == 3
    assert worker.run(job.id, 1, own, toy.work, Worker(host, 17, "lamp-name")) == 0
    assert system.store.get(job.id).state is JobState.DONE
