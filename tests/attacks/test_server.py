"""What the server as a process says and keeps when it is attacked, and when its own files are bad."""

from __future__ import annotations

import json
import logging
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from urllib.error import HTTPError

import pytest

from app.server_log import LogStream, start_log
from tests.browser.studio import ROOT, RunningStudio, environment, free_port

SECRET = "a row that only its owner may read"


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningStudio]:
    studio = RunningStudio(tmp_path_factory.mktemp("studio") / "home")
    studio.start()
    yield studio
    studio.end()


def post(studio: RunningStudio, path: str, body: object) -> tuple[int, str]:
    request = urllib.request.Request(studio.url + path, json.dumps(body).encode(), {"content-type": "application/json"})
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.status, answer.read().decode()
    except HTTPError as error:
        return error.code, error.read().decode()


@pytest.mark.slow
def test_what_is_sent_stays_out_of_the_servers_output_and_log(served: RunningStudio) -> None:
    bad: list[object] = [
        {"data": [SECRET]},
        {"data": {"a": SECRET}},
        {"data": [{"lamp": SECRET}, SECRET]},
        {"data": [{"path": "/etc/passwd", "meta": {"_type": "gradio.FileData"}}, SECRET]},
        {"data": [[SECRET] * 50_000]},
    ]
    for body in bad:
        for name in ("submit", "upload_dataset", "try", "export", "nothing"):
            status, text = post(served, f"/gradio_api/run/{name}", body)
            assert status != 200 and "Traceback" not in text
    said, log = served.said(), (served.home / "server.log").read_text()
    assert "Traceback" not in said and SECRET not in said
    assert SECRET not in log and len(log) < 200_000


def started(home: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    """A start that fails."""
    return subprocess.run(
        [sys.executable, str(ROOT / "app.py")],
        env={**environment(home, free_port()), **variables},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.slow
@pytest.mark.parametrize("content", [b"not a database, but long enough to look like one" * 100, None])
def test_a_broken_database_is_one_sentence_at_the_start(tmp_path: Path, content: bytes | None) -> None:
    file = tmp_path / "studio.db"
    if content is None:
        from storage.database import open_database

        open_database(f"sqlite:///{file}").close()
        with file.open("r+b") as whole:  # its first page stays as it is
            whole.seek(4096)
            whole.write(b"\xff" * 60_000)
    else:
        file.write_bytes(content)
    ended = started(tmp_path)
    assert ended.returncode == 1 and "Traceback" not in ended.stderr
    assert ended.stderr.count("\n") == 1 and "database" in ended.stderr


@pytest.mark.slow
def test_a_home_that_cannot_be_made_is_one_sentence_at_the_start(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    ended = started(tmp_path / "file" / "home")
    assert ended.returncode == 1 and ended.stderr.count("\n") == 1
    assert "STUDIO_HOME" in ended.stderr and "Traceback" not in ended.stderr


@pytest.mark.slow
def test_a_server_that_is_ended_by_the_system_ends_as_by_ctrl_c_although_pages_are_open(tmp_path: Path) -> None:
    studio = RunningStudio(tmp_path / "home")
    studio.start()
    with urllib.request.urlopen(f"{studio.url}/gradio_api/heartbeat/an-open-page", timeout=30):
        studio.end()
    assert studio.process.returncode == 0 and "Traceback" not in studio.said()


@pytest.fixture
def printed(tmp_path: Path) -> Iterator[LogStream]:
    before = logging.root.handlers[:], logging.root.level, logging.raiseExceptions
    yield start_log(tmp_path)
    logging.root.handlers[:], logging.root.level, logging.raiseExceptions = before


def test_the_servers_log_is_bounded(tmp_path: Path, printed: LogStream) -> None:
    log = logging.getLogger("x")
    log.warning("x" * 100_000)
    for _ in range(12_000):
        log.warning("x" * 2_000)
    files = list(tmp_path.glob("server.log*"))
    assert 5_000_000 < sum(file.stat().st_size for file in files) < 10_100_000


def test_of_what_libraries_print_only_the_places_are_logged(tmp_path: Path, printed: LogStream) -> None:
    printed.write(f'Traceback (most recent call last):\n  File "/x/a.py", line 5, in load\n    x = "{SECRET}"\n')
    printed.write(f"gradio.exceptions.Error: {SECRET}\n{SECRET}\n")
    log = (tmp_path / "server.log").read_text()
    assert SECRET not in log and "line 5, in load" in log and log.rstrip().endswith("gradio.exceptions.Error")


def test_an_unexpected_error_is_logged_in_one_line_without_its_message(tmp_path: Path, printed: LogStream) -> None:
    try:
        raise ValueError(SECRET)
    except ValueError:
        logging.getLogger("x").exception("A page's handler\nfailed \x1b[31m.")
    log = (tmp_path / "server.log").read_text()
    assert log.count("\n") == 1 and SECRET not in log and "\x1b" not in log
    assert "ValueError" in log and "test_server.py" in log


def has_ipv6() -> bool:
    try:
        with socket.socket(socket.AF_INET6) as listener:
            listener.bind(("::1", 0))
    except OSError:
        return False
    return True


@pytest.mark.slow
@pytest.mark.skipif(not has_ipv6(), reason="This machine has no IPv6.")
def test_an_ipv6_address_is_served_and_printed_as_browsers_take_it(tmp_path: Path) -> None:
    studio = RunningStudio(tmp_path / "home", host="::1")
    studio.start()  # which asks for a page there
    said = studio.said()
    studio.end()
    assert f"LAMP Studio is at http://[::1]:{studio.port} " in said and "Traceback" not in said
