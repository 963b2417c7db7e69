"""The webhook is told of each run that ends, and whatever becomes of it costs no run."""

from __future__ import annotations

import json
import signal
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from app.jobs import webhook, worker
from app.settings import Settings
from app.studio import Studio
from lamp.errors import ConfigError
from storage.database import open_database
from storage.jobs import JobState, JobStore
from tests.jobs.conftest import System, make_system
from tests.jobs.toy import work

SECRET = "s3cret"


class Listener:
    """A server that keeps what it is sent and answers with `status`, once it may."""

    def __init__(self) -> None:
        self.told: list[Any] = []
        self.status, self.may_answer = 200, threading.Event()
        self.may_answer.set()
        self.arrived = threading.Event()
        listener = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                listener.told.append(json.loads(self.rfile.read(int(self.headers["content-length"]))))
                listener.arrived.set()
                listener.may_answer.wait()
                self.send_response(listener.status)
                self.send_header("Location", "/elsewhere")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/{SECRET}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


@pytest.fixture
def listener() -> Iterator[Listener]:
    listener = Listener()
    yield listener
    listener.may_answer.set()
    listener.server.shutdown()


@pytest.fixture
def system(tmp_path: Path) -> System:
    return make_system(tmp_path / "home", tmp_path / "no-backbone")


def settings_of(system: System, url: str, **more: str) -> Settings:
    return Settings.from_environment({**system.environment(), "STUDIO_WEBHOOK": url, **more})


def end_a_run(system: System, url: str) -> list[str]:
    """Ends a run with that webhook; what was reported."""
    reported: list[str] = []
    told = webhook.on_end(settings_of(system, url), reported.append, wait_seconds=60)
    store = JobStore(system.store.database, told)
    job = store.add("a run", {}, "sample:x", "x", 5)
    assert store.claim("here", [job.number]) is not None
    assert store.finish(job.id, JobState.DONE, scores={"accuracy": 0.75, "untrained_accuracy": 0.5, "test_rows": 40})
    assert store.get(job.id).state is JobState.DONE
    return [line.replace(job.id, "ID") for line in reported]


def test_the_webhook_gets_id_name_state_score_and_address(system: System, listener: Listener) -> None:
    assert end_a_run(system, listener.url) == []
    (told,) = listener.told
    assert told == {
        "id": system.store.list()[0].id,
        "name": "a run",
        "state": "done",
        "score": {"metric": "accuracy", "value": 0.75, "untrained": 0.5},
        "address": f"http://127.0.0.1:7860/runs?run={system.store.list()[0].id}",
    }


@pytest.mark.parametrize("status", [302, 404, 500])
def test_an_answer_that_is_no_success_is_one_line_without_the_address(
    system: System, listener: Listener, status: int
) -> None:
    listener.status = status
    assert end_a_run(system, listener.url) == [f"The webhook was not told that the run ID ended: it answered {status}."]
    assert len(listener.told) == 1, "nor is it sent on to another address"


def test_a_webhook_that_is_not_there_is_one_line_without_the_address(system: System) -> None:
    assert end_a_run(system, f"http://127.0.0.1:9/{SECRET}") == [
        "The webhook was not told that the run ID ended: ConnectError."
    ]


def test_a_webhook_that_never_answers_is_waited_for_a_bounded_time(system: System, listener: Listener) -> None:
    listener.may_answer.clear()
    reported: list[str] = []
    told = webhook.on_end(settings_of(system, listener.url), reported.append, wait_seconds=0.1)
    assert told is not None
    job = system.submit()
    told(job)
    assert reported == [f"The webhook was not told that the run {job.id} ended: no answer within 0.1 seconds."]


def test_a_worker_tells_the_webhook_once_its_run_has_ended_and_logs_no_address(
    system: System, listener: Listener, capsys: pytest.CaptureFixture[str]
) -> None:
    listener.status = 500
    job = system.store.add("toy", {}, "d", "d", 3)
    assert system.store.claim("here", [0]) is not None
    before = signal.getsignal(signal.SIGTERM)
    try:
        assert worker.run(job.id, None, settings_of(system, listener.url), work) == 0
    finally:
        signal.signal(signal.SIGTERM, before)
    assert system.store.get(job.id).state is JobState.DONE
    assert [(told["id"], told["state"]) for told in listener.told] == [(job.id, "done")]
    said = capsys.readouterr().out
    assert said.count("it answered 500.") == 1 and SECRET not in said


def test_a_waiting_run_that_a_person_stops_is_told_by_the_server(system: System, listener: Listener) -> None:
    settings = settings_of(system, listener.url, STUDIO_ALLOWED_HOSTS="studio.example.org")
    studio = Studio(settings, open_database(settings.database_url))
    job = system.submit()
    listener.may_answer.clear()
    studio.stop(job.id)  # comes back although the webhook does not answer
    listener.may_answer.set()
    assert listener.arrived.wait(60)
    assert (listener.told[0]["state"], listener.told[0]["score"]) == ("stopped", None)
    assert listener.told[0]["address"] == f"https://studio.example.org/runs?run={job.id}"


@pytest.mark.parametrize(
    "url", ["ftp://example.org/x", "example.org/hook", "http://", "https://ada:s3cret@example.org", "http://x:port/"]
)
def test_what_is_no_address_of_the_web_is_refused_without_quoting_it(url: str) -> None:
    with pytest.raises(ConfigError, match="STUDIO_WEBHOOK must be an address") as caught:
        Settings.from_environment({"STUDIO_WEBHOOK": url})
    assert "s3cret" not in str(caught.value)


def test_the_address_of_the_webhook_is_not_in_what_the_settings_look_like() -> None:
    settings = Settings.from_environment({"STUDIO_WEBHOOK": f"https://example.org/{SECRET}"})
    assert settings.webhook.endswith(SECRET) and SECRET not in repr(settings)


@pytest.mark.parametrize(
    ("environment", "address"),
    [
        ({}, "http://127.0.0.1:7860"),
        ({"STUDIO_HOST": "::1", "STUDIO_PORT": "80"}, "http://[::1]:80"),
        ({"SPACE_ID": "Ada/Prompts"}, "https://ada-prompts.hf.space"),
    ],
)
def test_the_address_of_the_pages_is_known_from_the_settings(environment: dict[str, str], address: str) -> None:
    assert Settings.from_environment(environment).address == address
