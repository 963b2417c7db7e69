"""Names, cells and columns that try to be more than text, and secrets that try to get out."""

from __future__ import annotations

import html
import re
import shutil
import subprocess
import sys
import time
from collections import namedtuple
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import gradio as gr
import pytest
import torch
from sqlalchemy import make_url
from sqlalchemy.exc import OperationalError

from app.disk_full import full_disk_told
from app.jobs.child_environment import child_environment
from app.jobs.cleanup import RESTORABLE, SWEEPS, sweep
from app.jobs.executors import LocalExecutor
from app.jobs.log import log_line, log_lines
from app.studio import Studio
from app.ui import guard
from app.ui.runs.export_tab import ExportTab
from lamp.config import DataConfig, TuneConfig
from lamp.data.chat import ChatAffixes
from lamp.data.source import DataSource
from lamp.errors import DataError
from lamp.export.model_card import model_card
from lamp.inference.confusion_matrix import ConfusionMatrix
from lamp.training.final_scores import FinalScores
from lamp.training.result import TrainResult
from storage import migrate
from storage.artifacts import ArtifactStore
from storage.database import Database
from storage.errors import DatabaseUnavailable, LowDisk, StorageError
from storage.home import Home
from storage.uploads import UploadStore
from tests.attacks.conftest import Submit

FORM = '<form action="https://foreign.example"><input name=token></form><img src=x onerror=alert(1)>'
ROOT = Path(__file__).resolve().parents[2]


def test_a_toast_shows_names_as_text(submit: Submit, studio: Studio, monkeypatch: pytest.MonkeyPatch) -> None:
    shown: list[str] = []
    monkeypatch.setattr(gr, "Info", shown.append)
    monkeypatch.setattr(gr, "Warning", shown.append)
    guard.inform(f"{FORM} is back.")
    guard.warn(f"{FORM} is back.")

    def failing() -> None:
        raise DataError(f"The run {FORM!r} is gone.")

    with pytest.raises(gr.Error) as told:
        guard.guarded(failing)()
    for text in (*shown, told.value.message):
        assert "<" not in text and FORM in html.unescape(text)


def test_a_script_gets_the_same_sentence_as_it_is() -> None:
    def failing() -> None:
        raise DataError(f"The run {FORM!r} is gone.")

    with pytest.raises(gr.Error) as told:
        guard.guarded_endpoint(failing)()
    assert told.value.message == f"The run {FORM!r} is gone."


def test_no_page_shows_a_toast_without_the_guard() -> None:
    sources = {path: path.read_text() for path in (ROOT / "app" / "ui").rglob("*.py") if path.name != "guard.py"}
    assert [path for path, text in sources.items() if re.search(r"gr\.(Info|Warning|Error)\(", text)] == []


def test_a_log_has_one_line_for_each_note_and_no_escape_codes(capsys: pytest.CaptureFixture[str]) -> None:
    log_line("a cell\n2026-01-01T00:00:00Z Done.\x1b[2J\x9b31m\u2028forged\u202e\r")
    log_lines("Traceback\n  a\x1b[0m\nValueError: x\n2026-01-01T00:00:00Z Done.")
    lines = capsys.readouterr().out.split("\n")
    assert len(lines) == 6 and lines[-1] == ""
    stamp = r"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ "
    assert re.fullmatch(
        stamp + r"a cell\\n2026-01-01T00:00:00Z Done\.\\x1b\[2J\\x9b31m\\u2028forged\\u202e\\r", lines[0]
    )
    assert all(re.match(stamp + r"\| ", line) for line in lines[1:-1])


def test_the_log_on_a_page_has_no_control_characters(submit: Submit, studio: Studio) -> None:
    run = submit()
    log = Home(studio.settings.home).log(run)
    log.parent.mkdir(exist_ok=True)
    log.write_text("2026-05-01T12:00:00Z what a library prints \x1b[31mred\x1b[0m\x07\nthe last line\n")
    shown = studio.run_view(run).log
    assert "the last line" in shown and not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f]", shown)


def test_names_and_tags_are_one_line(submit: Submit, studio: Studio) -> None:
    run = submit(name="a\nb\x1b[31m")
    assert studio.job(run).name == r"a\nb\x1b[31m"
    studio.annotate(run, "two\nlines", ["a\u202eb"])
    assert (studio.job(run).note, list(studio.job(run).tags)) == ("two\nlines", [r"a\u202eb"])


def trained(labels: tuple[str, ...]) -> TrainResult:
    """What a run on these labels might have given."""
    right = len(labels)
    counts = tuple(tuple(int(row == column) for column in range(right)) for row in range(right))
    confusion = ConfusionMatrix(labels, counts)
    scores = FinalScores("test", right, {"accuracy": 1.0}, {"accuracy": 0.5}, confusion)
    return TrainResult(
        factors={},
        virtual_tokens=torch.zeros(4, 8),
        token_dim=8,
        final=scores,
        learning_rate=0.1,
        best_step=1,
        step=1,
        stopped=False,
        failure="",
        task="classification",
        labels=labels,
        encoder_decoder=False,
        chat=ChatAffixes("", ""),
    )


def test_the_published_card_shows_columns_and_labels_as_text(request: pytest.FixtureRequest) -> None:
    columns = (FORM, "# heading\n\n[link](javascript:alert(1))", "a|b", "`c`", "**d**")
    config = TuneConfig(backbone="/a`b", data=DataConfig(input_columns=columns, target_column="<b>t</b>"))
    card = model_card(trained(labels=("<i>x</i>", "a`b|c\n# d")), config, DataSource("a/b", "s`|", "t", "0" * 40))
    text = re.sub(r"```.*?```|`[^`\n]*`", "", card.split("---\n", 2)[2], flags=re.DOTALL)  # code shows HTML as it is
    assert not re.search(r"<[a-z/]", text)
    assert "](javascript" not in text and "\n# heading" not in card and "\n# d" not in card
    assert card.count("```") == 2 and card.count("\n# ") == 1


@pytest.mark.parametrize("repository", ["", "  "])
def test_publishing_without_a_name_forgets_the_token(studio: Studio, submit: Submit, repository: str) -> None:
    said, token = ExportTab(studio).publish(submit(), repository, "hf_secret", True, lambda *_, **__: None)  # type: ignore[arg-type]
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


def test_a_clock_that_was_set_forward_purges_no_deleted_run(
    submit: Submit, studio: Studio, monkeypatch: pytest.MonkeyPatch
) -> None:
    home, store = Home(studio.settings.home), studio._store
    arguments = store, home, ArtifactStore(home.artifacts), UploadStore(store.database, home.uploads)
    run = submit()
    studio.delete(run)
    monkeypatch.setattr("storage.jobs.utc_now", lambda: datetime.now(UTC) + 2 * RESTORABLE)
    sweep(*arguments)
    assert studio.restore(run).deleted_at is None
    studio.delete(run)
    monkeypatch.setattr("storage.jobs.utc_now", lambda: datetime.now(UTC) + 4 * RESTORABLE)
    for _ in range(SWEEPS - 1):
        sweep(*arguments)
    assert store.get(run).deleted_at is not None
    sweep(*arguments)
    assert run not in store.ids()


def test_a_full_disk_at_an_upload_or_an_export_is_one_sentence(
    studio: Studio, tiny_table: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr("storage.files._flush", full)
        with pytest.raises(LowDisk, match="The studio's disk is full, so the file cannot be kept"):
            studio.add_dataset(tiny_table, "films.csv")
    assert not [entry for entry in studio.datasets() if entry.is_upload]
    assert list((studio.settings.home / "uploads").iterdir()) == []
    monkeypatch.setattr(studio._artifacts, "path", lambda id: tiny_table.parent)
    monkeypatch.setattr("app.studio.zip_artifact", full)
    monkeypatch.setattr(studio._store, "get", lambda id: SimpleNamespace(id=id, name="a run"))
    with pytest.raises(LowDisk, match="The studio's disk is full, so the prompt cannot be exported"):
        studio.export("a")


def test_a_file_is_kept_only_where_it_fits(studio: Studio, tiny_table: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage(1, 1, 100))
    with pytest.raises(LowDisk, match="this file wants at least"):
        studio.add_dataset(tiny_table, "films.csv")


def test_other_errors_of_files_are_not_taken_for_a_full_disk() -> None:
    with pytest.raises(PermissionError), full_disk_told("x"):
        raise PermissionError(13, "Permission denied")
