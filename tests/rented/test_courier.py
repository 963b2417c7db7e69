"""What a rented machine sends: whole, each thing once, and nothing that it made is lost."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from pathlib import Path

import pytest

from app.jobs.journal import Journal
from app.jobs.rented import node
from app.jobs.rented.courier import Courier
from app.jobs.rented.hub_jobs import HubAway, HubRefused
from app.jobs.rented.parcel import pack, unpack
from app.run import Run
from storage.database import open_database
from storage.home import Home
from storage.jobs import Job, JobState
from storage.logs import rotate
from storage.uploads import UploadStore
from tests.jobs.conftest import System, make_system
from tests.rented.played import checkpoint


class Sink:
    """In place of the exchange."""

    def __init__(self) -> None:
        self.sent: list[dict[str, bytes]] = []
        self.gone: list[str] = []
        self.answers = True

    def send(self, message: str, files: Mapping[str, Path | bytes], gone: Collection[str] = ()) -> str:
        if not self.answers:
            raise HubAway("The Hub does not answer.")
        self.sent.append({name: file if isinstance(file, bytes) else file.read_bytes() for name, file in files.items()})
        self.gone += gone
        return "revision"

    def report(self) -> dict[str, object]:
        """The newest one."""
        (name,) = [name for name in self.sent[-1] if name.startswith("out/reports/")]
        return dict(json.loads(self.sent[-1][name]))


@pytest.fixture
def system(tmp_path: Path) -> System:
    return make_system(tmp_path / "home", tmp_path / "backbone")


@pytest.fixture
def job(system: System) -> Job:
    job = system.submit()
    system.store.claim("there", [0])
    return job


def lay(system: System, job: Job, step: int, *, whole: bool = True) -> None:
    for name, content in checkpoint(step, whole=whole).items():
        path = system.home.checkpoints(job.id) / name.removeprefix("checkpoints/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content or b"")


def test_only_what_is_new_is_sent_and_what_is_gone_is_taken_out(system: System, job: Job) -> None:
    sink = Sink()
    courier = Courier(system.store, system.home, job.id, sink)  # type: ignore[arg-type]
    lay(system, job, 2)
    lay(system, job, 4, whole=False)
    system.store.log_values(job.id, [(1, "loss", 0.5), (2, "loss", 0.25)])
    courier.send()
    first = set(sink.sent[-1])
    assert "out/checkpoints/step-00000002/state.json" in first and not any("00000004" in name for name in first)
    assert sink.report()["values"] == [[1, "loss", 0.5], [2, "loss", 0.25]]
    system.store.log_values(job.id, [(3, "loss", 0.125)])
    for path in (system.home.checkpoints(job.id) / "step-00000002").iterdir():
        path.unlink()
    (system.home.checkpoints(job.id) / "step-00000002").rmdir()
    courier.send()
    assert list(sink.sent[-1]) == ["out/reports/000002.json"] and len(sink.gone) == 2
    assert sink.report()["values"] == [[3, "loss", 0.125]]


def test_what_could_not_be_sent_is_sent_the_next_time_and_all_curves_at_the_end(system: System, job: Job) -> None:
    sink = Sink()
    courier = Courier(system.store, system.home, job.id, sink)  # type: ignore[arg-type]
    system.home.log(job.id).parent.mkdir(parents=True)
    system.home.log(job.id).write_text("one\ntw")
    lay(system, job, 2)
    system.store.log_values(job.id, [(1, "loss", 0.5)])
    sink.answers = False
    with pytest.raises(HubAway):
        courier.send()
    sink.answers = True
    courier.send()
    assert sink.report()["values"] == [[1, "loss", 0.5]] and sink.report()["lines"] == ["one"]
    assert any("step-00000002" in name for name in sink.sent[-1])
    rotate(system.home.log(job.id), (), cap_bytes=0)
    system.home.log(job.id).write_text("")
    with system.home.log(job.id).with_name(f"{job.id}.log.1").open("a") as old:
        old.write("o\n")
    courier.send()
    assert (sink.report()["first_line"], sink.report()["lines"]) == (1, ["two"])
    system.store.finish(job.id, JobState.FAILED, error="No.")
    courier.send()
    assert (sink.report()["state"], sink.report()["error"]) == ("failed", "No.")
    assert sink.report()["values"] == [[1, "loss", 0.5]]


def test_values_that_the_database_does_not_have_yet_come_with_their_checkpoint(system: System, job: Job) -> None:
    Journal(system.home.checkpoints(job.id) / "journal.jsonl").add([(5, "loss", 0.5)])
    sink = Sink()
    Courier(system.store, system.home, job.id, sink).send()  # type: ignore[arg-type]
    assert sink.report()["values"] == [[5, "loss", 0.5]]


class Stopping(Sink):
    """Asks the run to stop."""

    def is_stop_asked(self) -> bool:
        return True


def test_a_stop_is_heard_on_the_machine_and_the_end_is_sent_at_once(system: System, job: Job) -> None:
    sink = Stopping()
    other = system.submit()  # it waits: nobody has claimed it
    courier = Courier(system.store, system.home, other.id, sink)  # type: ignore[arg-type]
    assert node._follow(system.store, courier, sink, other.id, 60.0) == 0  # type: ignore[arg-type]
    assert sink.report()["state"] == "stopped"


def test_a_machine_is_given_back_when_the_hub_takes_nothing_from_it(
    system: System, job: Job, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(node, "_PATIENCE_SECONDS", 0.0)
    sink = Sink()
    monkeypatch.setattr(sink, "is_stop_asked", lambda: (_ for _ in ()).throw(HubRefused("No.")), raising=False)
    courier = Courier(system.store, system.home, job.id, sink)  # type: ignore[arg-type]
    assert node._follow(system.store, courier, sink, job.id, 0.0) == 1  # type: ignore[arg-type]


def test_a_run_arrives_as_it_was_sent(system: System, job: Job, tmp_path: Path) -> None:
    lay(system, job, 4)
    system.home.samples(job.id).parent.mkdir(parents=True, exist_ok=True)
    system.home.samples(job.id).write_bytes(b"samples\n")
    uploads = UploadStore(system.store.database, system.home.uploads)
    for name, content in pack(Run.of(job), system.home, uploads, system.artifacts).items():
        path = tmp_path / "sent" / name.removeprefix("in/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.read_bytes())
    there = Home(tmp_path / "there")
    there.root.mkdir()
    database = open_database(f"sqlite:///{there.root / 'studio.db'}")
    arrived = unpack(tmp_path / "sent", there, database)
    assert (arrived.id, arrived.config, arrived.steps, arrived.state) == (job.id, job.config, 12, JobState.QUEUED)
    here, copy = uploads.path(job.dataset), UploadStore(database, there.uploads).path(job.dataset)
    assert here.read_bytes() == copy.read_bytes()
    assert (there.checkpoints(job.id) / "step-00000004" / "state.json").is_file()
    assert there.samples(job.id).read_bytes() == b"samples\n"
