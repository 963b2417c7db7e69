"""What programs that watch over a studio are told."""

from __future__ import annotations

import json
import logging
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families
from starlette.testclient import TestClient

from app.server_log import start_log
from app.settings import Settings
from app.studio import Studio
from app.ui import build_ui, web_app
from lamp.errors import ConfigError
from storage.database import open_database
from storage.errors import DatabaseUnavailable
from storage.jobs import JobState, JobStore

ROOT = Path(__file__).parents[2]


def opened(tmp_path: Path, **variables: str) -> tuple[Studio, TestClient]:
    settings = Settings.from_environment({"STUDIO_HOME": str(tmp_path / "home"), **variables})
    studio = Studio(settings, open_database(settings.database_url))
    return studio, TestClient(web_app(build_ui(studio), studio), base_url="http://127.0.0.1:7860")


def test_a_probe_is_answered_under_any_name_and_told_nothing_of_people(tmp_path: Path) -> None:
    _, client = opened(tmp_path)
    for path, said in (("/health/live", "alive"), ("/health/ready", "ready")):
        answer = client.get(path, headers={"host": "10.1.2.3:7860"})
        assert (answer.status_code, answer.text) == (200, said)


def test_a_studio_whose_database_does_not_answer_lives_and_is_not_ready(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    studio, client = opened(tmp_path)

    def fail() -> None:
        raise DatabaseUnavailable("The database does not answer now: try again in a moment.")

    monkeypatch.setattr(studio, "vitals", fail)
    assert client.get("/health/live").status_code == 200
    answer = client.get("/health/ready")
    assert (answer.status_code, answer.text) == (503, "The database does not answer now: try again in a moment.")


def test_the_metrics_count_runs_by_state(tmp_path: Path) -> None:
    studio, client = opened(tmp_path, STUDIO_SLOTS="2")
    store = JobStore(open_database(studio.settings.database_url))
    jobs = [store.add(f"run {number}", {}, "sample:x.csv", "x.csv", 5) for number in range(4)]
    store.request_stop(jobs[0].id)
    store.delete(jobs[1].id)
    answer = client.get("/metrics")
    assert answer.status_code == 200 and answer.headers["content-type"].startswith("text/plain")
    families = {family.name: family for family in text_string_to_metric_families(answer.text)}
    runs = {sample.labels["state"]: sample.value for sample in families["lamp_studio_runs"].samples}
    assert runs == {state.value: {"queued": 2, "stopped": 1}.get(state.value, 0) for state in JobState}
    assert families["lamp_studio_slots"].samples[0].value == 2
    assert families["lamp_studio_disk_free_bytes"].samples[0].value > 0
    assert families["process_resident_memory_bytes"].samples[0].value > 0
    assert client.get("/metrics", headers={"host": "foreign.example"}).status_code == 400


def test_a_space_shows_no_metrics_and_says_that_its_files_do_not_last(tmp_path: Path) -> None:
    _, client = opened(tmp_path, SPACE_ID="ada/prompts")
    assert client.get("/metrics").status_code == 404
    assert "no persistent storage" in client.get("/config").text
    _, client = opened(tmp_path)
    assert "no persistent storage" not in client.get("/config").text


def test_the_files_of_a_space_lie_in_its_persistent_storage_where_it_has_some(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    storage = tmp_path / "data"
    monkeypatch.setattr("app.settings._SPACE_STORAGE", storage)
    space = {"SPACE_ID": "ada/prompts"}
    without = Settings.from_environment(space)
    assert without.home == Path.cwd() / "studio-data" and not without.is_lasting
    storage.mkdir()
    with_storage = Settings.from_environment(space)
    assert with_storage.home == storage / "studio" and with_storage.is_lasting
    assert Settings.from_environment({}).home == Path.cwd() / "studio-data"
    assert not Settings.from_environment({**space, "STUDIO_HOME": "/tmp/elsewhere"}).is_lasting


def test_the_server_log_can_be_json(tmp_path: Path, log_restored: Callable[[], None]) -> None:
    start_log(tmp_path, as_json=True)
    try:
        raise ValueError("a row that only its owner may read")
    except ValueError:
        logging.getLogger("studio").exception("It\nbroke")
    line: dict[str, Any] = json.loads((tmp_path / "server.log").read_text())
    assert line["level"] == "ERROR" and line["logger"] == "studio" and line["time"].endswith("+00:00")
    assert line["message"].startswith("It") and "ValueError at test_health.py" in line["message"]
    assert "only its owner" not in str(line) and "\n" not in line["message"]
    with pytest.raises(ConfigError, match="STUDIO_LOG_FORMAT must be text or json, not 'xml'"):
        Settings.from_environment({"STUDIO_LOG_FORMAT": "xml"})


@pytest.fixture
def log_restored() -> Any:
    root = logging.getLogger()
    handlers, level, raising = root.handlers[:], root.level, logging.raiseExceptions
    yield
    for handler in root.handlers:
        handler.close()
    root.handlers[:], logging.raiseExceptions = handlers, raising
    root.setLevel(level)


def test_a_space_asks_the_hub_as_nobody_whatever_token_its_owner_has_set(tmp_path: Path) -> None:
    stored = tmp_path / "token"
    stored.write_text("hf_thatTheOwnerStored")
    code = (
        "from app.main import forget_own_token; forget_own_token()\n"
        "import os; from huggingface_hub.utils import build_hf_headers\n"
        "from app.processes.child_environment import child_environment\n"
        "print(build_hf_headers().get('authorization'), 'hf_' in str(child_environment(with_token=True)))\n"
    )
    environment = {
        "PATH": "",
        "HF_TOKEN": "hf_thatTheOwnerSet",
        "HUGGING_FACE_HUB_TOKEN": "hf_thatTheOwnerSet",
        "HF_TOKEN_PATH": str(stored),
    }
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env=environment, capture_output=True, text=True, check=True
    )
    assert done.stdout == "None False\n"
