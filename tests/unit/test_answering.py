"""Answers come from a process of its own, whose every end is one sentence for the person who waits."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any, cast

import psutil
import pytest

from app.answering.answer import Answer, OnAnswers, Request
from app.answering.answerer import LOADING, Answerer
from app.answering.child import respond
from app.answering.inputs import checked_inputs
from app.answering.predictor import Predictor
from app.answering.turns import Turns
from app.processes.child_environment import child_environment
from app.processes.child_memory import free_bytes
from app.ui.streaming import NobodyListens
from lamp.config import DataConfig
from lamp.errors import DataError, LampError
from lamp.export.saved_prompt import save_prompt
from tests.unit.training import recipe, run

SCRIPTED = (sys.executable, str(Path(__file__).with_name("scripted_child.py")))
ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def answerer() -> Iterator[Answerer]:
    made = Answerer(SCRIPTED)
    yield made
    made.close()


def ask(answerer: Answerer, *texts: str, source: str = "a backbone") -> list[Answer]:
    request = Request("folder", source, tuple({"text": text} for text in texts))
    return answerer.answers(request, lambda _: None)


def pid(answerer: Answerer, source: str = "a backbone") -> int:
    """The id of the process that answers now."""
    return int(ask(answerer, "hello", source=source)[0].tuned)


def wait_until_gone(process: int) -> None:
    deadline = time.monotonic() + 20
    while psutil.pid_exists(process):
        assert time.monotonic() < deadline, "the process is still there"
        time.sleep(0.05)


def test_requests_share_a_process_until_one_wants_another_backbone(answerer: Answerer) -> None:
    first = pid(answerer)
    assert pid(answerer) == first != os.getpid()
    assert pid(answerer, "another backbone") != first
    assert not psutil.pid_exists(first)


def test_a_request_without_inputs_makes_the_backbone_ready_for_the_next(answerer: Answerer) -> None:
    said: list[str] = []
    assert answerer.answers(Request("folder", "a backbone"), said.append) == []
    assert said[0] == LOADING
    said.clear()
    answerer.answers(Request("folder", "a backbone", ({"text": "hello"},)), said.append)
    assert said == ["Answering"]


def test_what_libraries_print_does_not_get_into_the_answers(answerer: Answerer) -> None:
    assert [answer.text for answer in ask(answerer, "noise", "b")] == ["noise", "b"]


def test_texts_grow_while_they_are_written_and_many_inputs_come_in_their_order(answerer: Answerer) -> None:
    growing: list[list[str]] = []
    request = Request("folder", "a backbone", tuple({"text": f"{number} inputs"} for number in range(70)))
    answers = answerer.answers(request, lambda _: None, lambda some: growing.append([one.text for one in some]))
    assert [answer.text for answer in answers] == [f"{number} inputs" for number in range(70)]
    assert len(growing) == 3 and growing[0][:2] == ["0", "1"] and growing[-1][0] == "0 inputs"


@pytest.mark.parametrize(
    ("word", "sentence"),
    [
        ("killed", "There is not enough memory to try this prompt now: wait until the runs have ended, or stop one."),
        (
            "out of memory",
            "There is not enough memory to try this prompt now: wait until the runs have ended, or stop ",
        ),
        ("exits", "The model ended while it was answering, for a reason that it could not say: try again."),
        ("refused", "This input is refused: give another one."),
    ],
)
def test_a_process_that_fails_is_one_sentence_and_the_next_try_works(
    word: str, sentence: str, answerer: Answerer
) -> None:
    before = pid(answerer)
    with pytest.raises(LampError, match=sentence):
        ask(answerer, word)
    assert ask(answerer, "hello")[0].text == "hello"
    assert (pid(answerer) == before) is (word == "refused")


def test_a_process_that_says_nothing_any_more_is_ended_in_one_sentence() -> None:
    answerer = Answerer(SCRIPTED, silence=1)
    with pytest.raises(LampError, match=r"No answer came within .* minutes, so that this try was ended: try a shorter"):
        ask(answerer, "hangs")
    answerer._silence = 60  # a busy machine takes more than a second to start the next one
    assert ask(answerer, "hello")[0].text == "hello"
    answerer.close()


def test_a_process_that_was_killed_while_idle_is_replaced(answerer: Answerer) -> None:
    first = pid(answerer)
    psutil.Process(first).kill()
    deadline = time.monotonic() + 20
    while answerer._process is not None and answerer._process.alive:  # its threads end one after another
        assert time.monotonic() < deadline, "the process is still there"
        time.sleep(0.05)
    assert pid(answerer) != first


def test_an_idle_process_is_ended() -> None:
    answerer = Answerer(SCRIPTED, idle_seconds=0.3)
    wait_until_gone(pid(answerer))


def test_a_program_that_cannot_be_started_is_one_sentence() -> None:
    with pytest.raises(LampError, match=r"^The model cannot be loaded now \(No such file or directory\): try it again"):
        ask(Answerer(["/no/such/program"]), "hello")


def test_people_wait_for_each_other_and_are_told_so(answerer: Answerer, tmp_path: Path) -> None:
    begun, said = threading.Event(), list[str]()

    def begin(stage: str) -> None:
        if stage == "Answering":
            begun.set()

    def hear(stage: str) -> None:
        said.append(stage)
        (tmp_path / "go on").touch()

    waits = Request("folder", "a backbone", ({"text": f"waits for {tmp_path / 'go on'}"},))
    first = threading.Thread(target=answerer.answers, args=(waits, begin))
    first.start()
    assert begun.wait(60)
    answerer.answers(Request("folder", "a backbone", ({"text": "hello"},)), hear)
    first.join()
    assert said == ["Waiting for another request", "Answering"]


def test_whoever_asks_while_the_model_is_loaded_is_told_so(answerer: Answerer, tmp_path: Path) -> None:
    source, said = f"loads when there is {tmp_path / 'model'}", list[str]()
    begun = threading.Event()

    def hear(stage: str) -> None:
        said.append(stage)
        (tmp_path / "model").touch()

    opened = threading.Thread(target=answerer.answers, args=(Request("folder", source), lambda _: begun.set()))
    opened.start()
    assert begun.wait(60)
    answerer.answers(Request("folder", source, ({"text": "hello"},)), hear)
    opened.join()
    assert list(dict.fromkeys(said)) == ["Loading the model", "Answering"]


def test_a_text_that_nobody_waits_for_any_more_is_not_written_on(answerer: Answerer) -> None:
    def gone(_: object) -> None:
        raise NobodyListens

    first = pid(answerer)
    with pytest.raises(NobodyListens):
        answerer.answers(Request("folder", "a backbone", ({"text": "writes on"},)), lambda _: None, gone)
    assert pid(answerer) == first


def test_the_real_process_ends_a_text_when_it_is_canceled() -> None:
    answer = Answer("text", "a", "b", {}, {})
    sent: list[dict[str, Any]] = []
    canceled = threading.Event()

    class Endless:
        def answers(self, request: Request, on_progress: object, on_answers: OnAnswers) -> list[Answer]:
            for number in range(1000):
                if number == 3:
                    canceled.set()
                on_answers([answer])
            return [answer]

    respond(cast(Predictor, Endless()), Request("folder", "a backbone", growing=True), sent.append, canceled)
    assert sent[-1] == {"error": "This try was canceled."}
    assert all(message["growing"] == [asdict(answer)] for message in sent[:-1])


def test_turns_are_taken_in_the_order_of_asking() -> None:
    turns, taken, places = Turns(), [], []
    threads = []

    def take(number: int) -> None:
        with turns.turn(lambda ahead: places.append((number, ahead))):
            taken.append(number)

    with turns.turn():
        for number in range(3):
            threads.append(threading.Thread(target=take, args=(number,)))
            threads[-1].start()
            deadline = time.monotonic() + 20
            while (number, number + 1) not in places and time.monotonic() < deadline:
                time.sleep(0.01)
    for thread in threads:
        thread.join()
    assert taken == [0, 1, 2]
    assert places[:3] == [(0, 1), (1, 2), (2, 3)]


def test_no_token_is_handed_to_the_process(answerer: Answerer, monkeypatch: pytest.MonkeyPatch) -> None:
    secrets = ("HF_TOKEN", "AWS_SECRET_ACCESS_KEY", "DATABASE_URL", "OPENAI_API_KEY", "PYTHON_PASSWORD", "GITHUB_PAT")
    for name in (*secrets, "HF_HOME", "TOKENIZERS_PARALLELISM", "OMP_NUM_THREADS"):
        monkeypatch.setenv(name, "1")
    seen = set(ask(answerer, "environment")[0].tuned_probabilities)
    assert not seen & set(secrets)
    assert {"PATH", "HF_HOME", "TOKENIZERS_PARALLELISM", "OMP_NUM_THREADS"} <= seen
    server = {"LC_ALL": "C.UTF-8", "CUDA_VISIBLE_DEVICES": "0", "HIP_VISIBLE_DEVICES": "0", "HF_TOKEN_PATH": "x"}
    assert child_environment(environment=server) == {
        "LC_ALL": "C.UTF-8",
        "CUDA_VISIBLE_DEVICES": "0",
        "HIP_VISIBLE_DEVICES": "0",
    }


def test_the_free_memory_is_that_of_the_container_where_that_is_less(tmp_path: Path) -> None:
    (tmp_path / "memory.current").write_text("900000\n")
    (tmp_path / "memory.stat").write_text("anon 1\ninactive_file 100000\n")
    (tmp_path / "memory.max").write_text("1000000\n")
    assert free_bytes(tmp_path) == 200_000
    (tmp_path / "memory.max").write_text("max\n")
    assert free_bytes(tmp_path) > 1_000_000
    assert free_bytes(tmp_path / "nothing") > 1_000_000


def test_asking_for_more_than_the_free_memory_is_an_error_and_not_the_end(tmp_path: Path) -> None:
    code = (
        "from app.processes import child_memory\n"
        "child_memory.free_bytes = lambda: 100_000_000\n"
        "child_memory.limit_memory()\n"
        "try: bytearray(2_000_000_000)\n"
        "except MemoryError: print('refused')\n"
    )
    environment = {**os.environ, "CUDA_VISIBLE_DEVICES": ""}
    assert subprocess.check_output([sys.executable, "-c", code], cwd=ROOT, env=environment, text=True) == "refused\n"


@pytest.mark.parametrize("given", [7, None, ["good"], {"text": 7}])
def test_an_input_that_is_no_text_is_one_sentence(given: object) -> None:
    with pytest.raises(DataError, match=r"^An input is a text, or a text for each of text, not "):
        checked_inputs(DataConfig(("text",), "label"), [given])


def test_a_real_process_answers_and_ends_with_its_parent_which_never_loads_torch(
    tiny_llama: Path, tiny_table: Path, tmp_path: Path
) -> None:
    config = recipe(tiny_llama, steps=1)
    result, _ = run(config, tiny_table, tmp_path / "run")
    (tmp_path / "prompt").mkdir()
    save_prompt(result, config, tmp_path / "prompt")
    code = (
        "import sys, os, psutil; from pathlib import Path\n"
        "from app.answering.answer import Request; from app.answering.answerer import Answerer\n"
        "answerer, said = Answerer(), []\n"
        "request = Request(sys.argv[1], sys.argv[2], ({'text': 'good film'}, {'text': 'bad'}))\n"
        "answers = answerer.answers(request, said.append)\n"
        "child, = psutil.Process().children()\n"
        "print([sorted(a.tuned_probabilities) == sorted(a.untrained_probabilities) != [] for a in answers], said)\n"
        "print('torch' in sys.modules, Path(f'/proc/{child.pid}/oom_score_adj').read_text().strip(), child.pid)\n"
        "sys.stdout.flush(); os._exit(0)\n"
    )
    ended = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "prompt"), str(tiny_llama)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )
    answers, rest = ended.stdout.splitlines()
    loads_torch, score, child = rest.split()
    assert answers.startswith("[True, True]") and "Loading the model" in answers, ended.stderr
    assert (loads_torch, score) == ("False", "1000")
    wait_until_gone(int(child))
