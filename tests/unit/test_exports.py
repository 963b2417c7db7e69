"""A model with a run's prompt in it is made in the background, one at a time, in a process of its own."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from app.prompts.exporting_worker import Task
from app.prompts.exports import Exports, ExportState
from app.studio import Studio
from app.terminal.commands import main as remote
from app.ui.api import Endpoints
from app.ui.runs.use_formats import UseFormats, export_html
from lamp.errors import DataError
from lamp.export.saved_prompt import save_prompt
from lamp.files import written_whole
from lamp.inference.answers import RowAnswer, write_answers
from storage.artifacts import ArtifactStore
from storage.database import open_database
from storage.errors import WrongState
from storage.home import Home
from storage.jobs import JobState, JobStore
from tests.unit import training

SAMPLE = "sample:support-tickets.csv"
SLOW = (
    sys.executable,
    "-c",
    'import sys, time; sys.stdin.readline(); print(\'{"part": "Loading", "share": 0.5}\', flush=True); time.sleep(600)',
)


@pytest.fixture
def run(studio: Studio, tiny_llama: Path, tiny_table: Path, tmp_path: Path) -> str:
    """An ended run with a prompt and four tested rows."""
    config = training.recipe(tiny_llama, steps=1)
    result, _ = training.run(config, tiny_table, tmp_path / "checkpoints-of-the-test")
    store, home = JobStore(open_database(studio.settings.database_url)), Home(studio.settings.home)
    job = store.add("my films", config.to_dict(), SAMPLE, "support-tickets.csv", 1)
    store.claim("here", [0])
    with ArtifactStore(home.artifacts).stage(job.id) as staged:
        save_prompt(result, config, staged)
    store.finish(job.id, JobState.DONE, scores={"accuracy": 0.5}, artifact=job.id, step=1)
    store.release(job.id)
    home.answers(job.id).parent.mkdir(exist_ok=True)
    with written_whole(home.answers(job.id)) as staged:
        write_answers([RowAnswer(row, "x", "a", "a", 1.0, 0.9, "b", 0.0) for row in (3, 5, 8, 9)], staged)
    return job.id


def ends(look: Callable[[], ExportState | None]) -> ExportState:
    """The state of an export once it has ended."""
    while True:
        state = look()
        if state is not None and not state.part:
            return state
        time.sleep(0.05)


def task(place: Path) -> Task:
    return Task("prompt", "backbone", "gguf", str(place / "films-gguf"), [])


def begun(exports: Exports, place: Path) -> None:
    """Begins an export and returns once its process works."""
    exports.begin(task(place))
    while exports.state(place, "gguf") != ExportState("gguf", "Loading", 0.5):
        time.sleep(0.05)


def test_a_runs_prompt_becomes_a_gguf_file_whose_answers_are_compared(studio: Studio, run: str) -> None:
    assert studio.export_state(run, "gguf") is None
    studio.begin_export(run, "gguf")
    state = ends(lambda: studio.export_state(run, "gguf"))
    assert state.problem == "" and state.file is not None
    assert "of 4 answers are the same in llama.cpp as in the studio." in state.sentence
    with zipfile.ZipFile(state.file) as archive:
        assert sorted(archive.namelist()) == ["my-films-gguf/README.md", "my-films-gguf/my-films-gguf.gguf"]
    assert [path.name for path in state.file.parent.iterdir()] == ["my-films-gguf.zip"]
    endpoints = Endpoints(studio)
    assert endpoints.export_state(run, "gguf")["sentence"] == state.sentence
    assert endpoints.exported(run, "gguf") == str(state.file)


def test_an_export_is_known_after_a_restart(studio: Studio, run: str) -> None:
    studio.begin_export(run, "embeddings")
    made = ends(lambda: studio.export_state(run, "embeddings"))
    again = Studio(studio.settings, open_database(studio.settings.database_url))
    assert again.export_state(run, "embeddings") == made and made.file is not None


def test_an_unknown_format_is_one_sentence(studio: Studio, run: str) -> None:
    with pytest.raises(DataError, match=r"There is no format 'exe': choose one of merged, gguf, ollama, embeddings\."):
        studio.begin_export(run, "exe")
    with pytest.raises(DataError, match="has no export as gguf yet"):
        Endpoints(studio).exported(run, "gguf")


def test_a_cancelled_export_ends_its_process_and_another_one_can_begin(tmp_path: Path) -> None:
    exports = Exports(SLOW)
    first, second = tmp_path / "first", tmp_path / "second"
    begun(exports, first)
    with pytest.raises(DataError, match="Another export is being made"):
        exports.begin(task(second))
    exports.cancel(first)
    assert ends(lambda: exports.state(first, "gguf")).problem == "The export was cancelled."
    exports.begin(task(second))
    exports.cancel(second)
    ends(lambda: exports.state(second, "gguf"))


@pytest.mark.parametrize(
    ("code", "problem"),
    [
        ('import sys; sys.stdin.readline(); print(\'{"problem": "It is too large."}\')', "It is too large."),
        ("raise SystemExit(9)", "The export ended unexpectedly"),
    ],
)
def test_why_an_export_could_not_be_made_is_told(code: str, problem: str, tmp_path: Path) -> None:
    exports = Exports((sys.executable, "-c", code))
    exports.begin(task(tmp_path / "out"))
    state = ends(lambda: exports.state(tmp_path / "out", "gguf"))
    assert problem in state.problem and problem in export_html(state)


def test_a_second_click_leaves_what_is_half_written_and_a_cancelled_export_leaves_nothing(tmp_path: Path) -> None:
    exports, place = Exports(SLOW), tmp_path / "run.1-gguf"
    begun(exports, place)
    (place / ".films-gguf-half").mkdir(parents=True)
    (place / ".films-gguf.zip-half").write_bytes(b"half")
    exports.begin(task(place))
    assert len(list(place.iterdir())) == 2
    exports.cancel(place)
    ends(lambda: exports.state(place, "gguf"))
    assert list(place.iterdir()) == []


def test_a_line_that_a_library_prints_ends_no_export(tmp_path: Path) -> None:
    lines = "import sys; sys.stdin.readline(); print('{not JSON'); print('[]'); print('{\"problem\": \"Told.\"}')"
    exports = Exports((sys.executable, "-c", lines))
    exports.begin(task(tmp_path / "out"))
    assert ends(lambda: exports.state(tmp_path / "out", "gguf")).problem == "Told."


def test_an_export_ends_with_the_studio_and_with_what_it_has_started(tmp_path: Path) -> None:
    both = "import subprocess, sys; sys.stdin.readline(); c = subprocess.Popen(['sleep', '600'], stdout=2); "
    said = 'print(\'{"part": "\' + str(c.pid) + \'", "share": 0.5}\', flush=True); c.wait()'
    exports, place = Exports((sys.executable, "-c", both + said)), tmp_path / "out"
    exports.begin(task(place))
    while not (state := exports.state(place, "gguf")) or not state.part.isdecimal():
        time.sleep(0.05)
    exports.close()
    assert ends(lambda: exports.state(place, "gguf")).problem == "The export was cancelled."
    while psutil.pid_exists(int(state.part)) and psutil.Process(int(state.part)).status() != psutil.STATUS_ZOMBIE:
        time.sleep(0.05)


def test_the_process_of_an_export_ends_when_the_studio_is_gone(tmp_path: Path) -> None:
    """SIGKILL gives a server no time to end what it has started."""
    code = (
        "import os, sys, time; sys.stdin = os.fdopen(0); "
        "from app.prompts.exporting_worker import _end_with_the_studio; "
    )
    child = subprocess.Popen(
        (sys.executable, "-c", code + "_end_with_the_studio()"), stdin=subprocess.PIPE, start_new_session=True
    )
    assert child.stdin is not None and child.poll() is None
    child.stdin.close()
    assert child.wait() == -signal.SIGKILL


def test_exports_of_a_run_whose_name_has_a_dot_are_not_taken_for_each_other(studio: Studio, run: str) -> None:
    studio.rename(run, "films on Qwen2.5-0.5B")
    studio.begin_export(run, "embeddings")
    made = ends(lambda: studio.export_state(run, "embeddings"))
    assert made.file is not None and made.file.name == "films-on-Qwen2.5-0.5B-embeddings.zip"
    assert studio.export_state(run, "gguf") is None and studio.export_state(run, "merged") is None


def test_an_export_outlives_a_new_name_of_its_run_and_is_never_taken_for_the_prompt(studio: Studio, run: str) -> None:
    studio.begin_export(run, "embeddings")
    made = ends(lambda: studio.export_state(run, "embeddings"))
    studio.rename(run, "my films embeddings")
    assert studio.export_state(run, "embeddings") == made
    with zipfile.ZipFile(studio.export(run)) as prompt:
        assert "adapter_model.safetensors" in prompt.namelist()
    studio.begin_export(run, "embeddings")
    again = ends(lambda: studio.export_state(run, "embeddings"))
    assert again.file is not None and [path.name for path in again.file.parent.iterdir()] == [again.file.name]
    assert again.file.name == "my-films-embeddings-embeddings.zip"


def test_exports_of_a_deleted_run_are_given_to_nobody(studio: Studio, run: str) -> None:
    studio.begin_export(run, "embeddings")
    ends(lambda: studio.export_state(run, "embeddings"))
    studio.delete(run)
    with pytest.raises(DataError, match="has no export as embeddings yet"):
        Endpoints(studio).exported(run, "embeddings")
    with pytest.raises(WrongState, match="was deleted: bring it back to use its prompt"):
        studio.begin_export(run, "embeddings")
    studio.restore(run)
    assert Endpoints(studio).exported(run, "embeddings")


def test_the_tab_tells_size_and_progress_and_offers_the_download(studio: Studio, run: str) -> None:
    formats = UseFormats(studio)
    about = formats.about(run, "1", "gguf")
    assert "for llama.cpp, LM Studio and Jan. About " in about and "kB" in about
    assert formats.about(run, "", "gguf") == ""
    assert formats.begin(run, "embeddings") == ""
    ends(lambda: studio.export_state(run, "embeddings"))
    shown, timer, make, cancel, download = formats.show(run, "1", "embeddings")
    assert "these are the vectors of the adapter" in shown
    assert (timer.active, make.value, cancel.visible, download.visible) == (False, "Make it again", False, True)


def test_the_command_line_names_the_formats(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        remote(["export", "some-run", "--to", "exe"])
    assert "gguf" in capsys.readouterr().err
