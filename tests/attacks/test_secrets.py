"""Secrets that try to get out: tokens, passwords, the server's environment and the database's address."""

from __future__ import annotations

import shutil
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from sqlalchemy import make_url
from sqlalchemy.exc import OperationalError

from app.jobs.executors import LocalExecutor
from app.processes.child_environment import child_environment
from app.studio import Studio
from app.ui.runs.publish_box import PublishBox
from storage import migrate
from storage.database import Database
from storage.errors import DatabaseUnavailable, StorageError
from storage.home import Home
from tests.attacks.conftest import Submit


@pytest.mark.parametrize("repository", ["", "  "])
def test_publishing_without_a_name_forgets_the_token(studio: Studio, submit: Submit, repository: str) -> None:
    said, token, _ = PublishBox(studio).publish(submit(), repository, "hf_secret", True, "", "refuse")
    assert token == "" and "hf_secret" not in said and "repository" in said


def test_children_get_what_computing_needs_and_no_secrets(tmp_path: Path) -> None:
    server = {
        "PATH": "/bin",
        "HF_HOME": "/cache",
        "HF_ENDPOINT": "http://hub",
        "OMP_NUM_THREADS": "2",
        "CUDA_VISIBLE_DEVICES": "0",
        "https_proxy": "http://proxy",
        "HF_TOKEN": "hf_secret",
        "HUGGING_FACE_HUB_TOKEN": "hf_secret",
        "STUDIO_API_KEY": "secret",
        "STUDIO_WEBHOOK": "https://example.org/secret",
        "AWS_SECRET_ACCESS_KEY": "secret",
        "DATABASE_URL": "postgresql://a:secret@b/c",
        "OPENAI_API_KEY": "secret",
        "GRADIO_TEMP_DIR": "/tmp/x",
        "BASH_FUNC_x%%": "() { :; }",
    }
    plain = child_environment(environment=server)
    assert set(plain) == {"PATH", "HF_HOME", "HF_ENDPOINT", "OMP_NUM_THREADS", "CUDA_VISIBLE_DEVICES", "https_proxy"}
    assert set(child_environment(environment=server, with_token=True)) == {*plain, "HF_TOKEN", "HUGGING_FACE_HUB_TOKEN"}


@pytest.mark.parametrize("needs_hub", [False, True])
def test_only_a_worker_that_asks_the_hub_gets_the_token(
    submit: Submit, studio: Studio, monkeypatch: pytest.MonkeyPatch, needs_hub: bool
) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    home, job = Home(studio.settings.home), studio.job(submit())
    command = (sys.executable, "-c", "import os; print(sorted(os.environ))")
    executor = LocalExecutor(home, {"DATABASE_URL": "sqlite:///x"}, command, needs_hub=lambda _: needs_hub)
    worker = executor.start(job, {})
    while executor.is_alive(worker):
        time.sleep(0.01)
    said = home.log(job.id).read_text()
    assert "DATABASE_URL" in said and "PATH" in said and "AWS" not in said
    assert ("HF_TOKEN" in said) is needs_hub is ("HF_HUB_OFFLINE" not in said)


def test_pg_dump_gets_its_password_where_no_list_of_processes_shows_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: dict[str, Any] = {}

    def run(command: list[str], **options: Any) -> subprocess.CompletedProcess[str]:
        seen.update(command=command, environment=options["env"])
        return subprocess.CompletedProcess(command, 1, "", "pg_dump: error: no\nmore")

    monkeypatch.setattr(shutil, "which", lambda _: "/usr/bin/pg_dump")
    monkeypatch.setattr(subprocess, "run", run)
    for address in ("postgresql+psycopg://ada:s3cret@db/x?sslmode=require", "postgresql://ada@db/x?password=s3cret"):
        connection: Any = SimpleNamespace(
            engine=SimpleNamespace(url=make_url(address)), dialect=SimpleNamespace(name="postgresql")
        )
        with pytest.raises(StorageError, match="pg_dump could make no copy of it"):
            migrate._backup(connection, "0001", tmp_path)
        assert not [word for word in seen["command"] if "s3cret" in word]
        assert any("--dbname=postgresql://ada@db/x" in word for word in seen["command"])
        assert seen["environment"]["PGPASSWORD"] == "s3cret"


def test_visitors_are_not_told_the_databases_address(monkeypatch: pytest.MonkeyPatch) -> None:
    class Engine:
        dialect = SimpleNamespace(name="postgresql")

        def execution_options(self, **_: object) -> Engine:
            return self

    def refuse(*_: object, **__: object) -> None:
        raise OperationalError("SELECT 1", {}, Exception('connection to server at "10.0.0.5", port 5432 failed'))

    monkeypatch.setattr("storage.database.Session", refuse)
    database = Database(Engine())  # type: ignore[arg-type]
    for open_session in (database.read, database.write):
        with pytest.raises(DatabaseUnavailable) as told, open_session():
            pass
        assert "10.0.0.5" not in str(told.value) and told.value.__cause__ is None
