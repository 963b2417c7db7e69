"""The studio's endpoint for OpenAI's clients: who may ask which prompt, and that it answers as `lamp predict` does."""

from __future__ import annotations

import errno
import json
import re
import shutil
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import httpx
import openai
import psutil
import pytest
from openai import OpenAI

from app.access.people import Person
from app.access.quotas import Quotas
from app.access.sign_in import SignIn
from app.prompts.serve_code import CURL, PROGRAMS, serve_code
from app.serving.places import MOST_OF_ONE, Busy
from app.studio import Studio
from app.studio_parts.demo import VISITOR
from app.studio_parts.reading import NotAllowed
from app.studio_parts.serving import NoSuchModel
from app.ui import build_ui, web_app
from app.ui.runs.serve_box import ServeBox
from lamp.cli import main
from lamp.export.saved_prompt import save_prompt
from lamp.serving import connections
from storage.artifacts import ArtifactStore
from storage.errors import OverQuota
from storage.jobs import JobState, JobStore
from tests.people.calls import HEADER
from tests.people.conftest import studio_at
from tests.people.things import BACKBONE
from tests.people.world import ADA, EVE, ROOT
from tests.served import served_at
from tests.unit import training

KEEPER = Person("keeper")
"""Somebody whose served prompt keeps a process going between the tests."""


@dataclass
class Serving:
    """A studio on a real socket, with prompts of one backbone and of another one."""

    studio: Studio
    port: int
    folders: dict[str, Path]
    """What each prompt was exported as: "films" has two prompts that vote, "writer" writes texts"""
    table: Path
    tiny: Path

    @property
    def store(self) -> JobStore:
        return JobStore(self.studio._database)

    def run(self, name: str, prompt: str, owner: Person = ADA) -> str:
        """A new ended run with this prompt; its id."""
        recipe = json.loads((self.folders[prompt] / "recipe.json").read_text())
        config = {key: recipe[key] for key in ("backbone", "data", "lamp", "train")}
        job = self.store.add(name, config, "sample:support-tickets.csv", "x.csv", 1, owner=owner.name, gpus=9)
        claimed = self.store.claim("a machine", range(9))
        assert claimed is not None and claimed.id == job.id
        with self.studio._artifacts.stage(job.id) as staged:
            shutil.copytree(self.folders[prompt], staged, dirs_exist_ok=True)
        self.store.finish(job.id, JobState.DONE, artifact=job.id, step=1)
        self.store.release(job.id)
        return job.id

    def served(self, name: str, prompt: str, owner: Person = ADA, *, vote: bool = False) -> str:
        """The same, and served."""
        id = self.run(name, prompt, owner)
        self.studio.as_(owner).serve(id, vote=vote)
        return id

    def token(self, person: Person, *, reads_only: bool = True) -> str:
        return self.studio.as_(person).make_token("a program", reads_only, 30)[1]

    def client(self, person: Person = ADA) -> OpenAI:
        address = f"http://127.0.0.1:{self.port}/v1"
        return OpenAI(base_url=address, api_key=self.token(person), max_retries=0, timeout=120)

    def names(self, person: Person) -> list[str]:
        return [model.id for model in self.client(person).models.list()]

    def predicted(self, prompt: str, *options: str, capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
        """What `lamp predict` answers to the first rows of the table."""
        capsys.readouterr()
        command = ["predict", str(self.folders[prompt]), "--data", str(self.table), "--rows", "6"]
        assert main([*command, "--backbone", str(self.tiny), *options]) == 0
        return [json.loads(line) for line in capsys.readouterr().out.splitlines()]

    def processes(self) -> list[psutil.Process]:
        living = [one for one in psutil.Process().children() if one.status() != psutil.STATUS_ZOMBIE]
        return [one for one in living if "app.serving.child" in one.cmdline()]


@pytest.fixture(scope="module")
def serving(tmp_path_factory: pytest.TempPathFactory, tiny_llama: Path, tiny_table: Path) -> Iterator[Serving]:
    home, exports = tmp_path_factory.mktemp("home"), tmp_path_factory.mktemp("exports")
    for reference in (BACKBONE, "acme/other", "acme/third"):
        shutil.copytree(tiny_llama, home / "backbones" / reference.replace("/", "--"))
    config = replace(training.recipe(tiny_llama, steps=2, voters=2), backbone=str(tiny_llama))
    result, _ = training.run(config, tiny_table, tmp_path_factory.mktemp("checkpoints"))
    writes = replace(result, labels=(), task="generation", voters=())
    kinds = {"films": (result, BACKBONE), "writer": (writes, BACKBONE)}
    kinds |= {"other": (writes, "acme/other"), "third": (writes, "acme/third")}
    for name, (trained, reference) in kinds.items():
        (exports / name).mkdir()
        save_prompt(trained, replace(config, backbone=reference), exports / name)
    studio = studio_at(home, SignIn(header=HEADER, admins=frozenset({"root"})))
    with served_at(web_app(build_ui(studio), studio)) as port:
        folders = {name: exports / name for name in kinds}
        found = Serving(studio, port, folders, tiny_table, tiny_llama)
        found.served("kept", "films", KEEPER)
        yield found
    studio.close()


@pytest.fixture(autouse=True)
def nothing_is_served_after(serving: Serving) -> Iterator[None]:
    yield
    for one in serving.studio.served():
        if one.job.owner != KEEPER.name:
            serving.studio.stop_serving(one.job.id)
    assert not serving.studio._servers._places._taken


def user(text: str) -> Any:
    return [{"role": "user", "content": text}]


def message_of(error: openai.APIError) -> str:
    """The sentence that a client is told."""
    body: Any = error.body
    return str(body["message"])


def until(condition: Any) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_prompts_answer_as_predict_does_all_of_a_backbone_in_one_process(
    serving: Serving, capsys: pytest.CaptureFixture[str]
) -> None:
    serving.served("films", "films")
    serving.served("by vote", "films", vote=True)
    serving.served("writer", "writer")
    client = serving.client()
    listed = {model.id: model for model in client.models.list()}
    assert listed.keys() == {"films", "by-vote", "writer"}
    assert (listed["films"].labels, listed["by-vote"].voters) == (["positive", "negative"], 2)  # type: ignore[attr-defined]
    assert client.models.retrieve("writer").input_columns == ["text"]  # type: ignore[attr-defined]
    for model, prompt, options in (("films", "films", ()), ("by-vote", "films", ("--vote",)), ("writer", "writer", ())):
        rows = serving.predicted(prompt, *options, capsys=capsys)
        with ThreadPoolExecutor(len(rows)) as threads:
            asked = [
                threads.submit(client.chat.completions.create, model=model, messages=user(row["text"])) for row in rows
            ]
            answers = [one.result() for one in asked]
        assert [one.choices[0].message.content for one in answers] == [row["prediction"] for row in rows]
        assert {one.model for one in answers} == {model}
        whole = client.completions.create(model=model, prompt=[row["text"] for row in rows])
        assert [choice.text for choice in whole.choices] == [row["prediction"] for row in rows]
        for answer, row in zip(answers, rows, strict=True):
            shares = getattr(answer.choices[0], "label_probabilities", None)
            assert shares == (pytest.approx(row["probabilities"], abs=1e-5) if "probabilities" in row else None)
    (process,) = serving.processes()
    assert process.name() and "torch" not in serving_imports()
    answered = {one.model: one.answered for one in serving.studio.as_(ADA).served()}
    assert answered == {"films": 7, "by-vote": 7, "writer": 7}


def serving_imports() -> set[str]:
    """Of the module that the server asks: here torch is imported by the tests themselves."""
    code = "import sys, app.web.endpoint; print('\\n'.join(sys.modules))"
    return set(subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout.split())


def test_a_stream_comes_in_pieces_with_its_scores(serving: Serving) -> None:
    serving.served("writer", "writer")
    client = serving.client()
    whole = client.completions.create(model="writer", prompt="a film", max_tokens=30, logprobs=2)
    pieces = list(client.completions.create(model="writer", prompt="a film", max_tokens=30, logprobs=2, stream=True))
    logprobs, usage = whole.choices[0].logprobs, whole.usage
    assert logprobs and logprobs.tokens and usage
    assert "".join(piece.choices[0].text for piece in pieces) == whole.choices[0].text
    assert len(pieces) > 5 and len(logprobs.tokens) == usage.completion_tokens > 5


@pytest.mark.parametrize("program", PROGRAMS)
def test_the_program_that_the_page_shows_prints_the_answer(
    serving: Serving, program: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    id = serving.served("it's films", "films")
    use = serving.studio.as_(ADA).prompt_use(id, f"http://127.0.0.1:{serving.port}")
    code = serve_code(use, "it-s-films", program)
    monkeypatch.setenv("STUDIO_TOKEN", serving.token(ADA))
    if program == CURL and not shutil.which("curl"):
        pytest.skip("There is no curl here.")
    command = ["sh", "-c", code] if program == CURL else [sys.executable, "-c", code]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert ("label_probabilities" in said) == (program == CURL) and re.search("positive|negative", said)


def test_each_person_asks_what_they_see_and_nobody_else_learns_that_it_is_there(serving: Serving) -> None:
    id = serving.served("tickets", "films")
    hers_too = serving.served("tickets", "films")
    own = serving.served("tickets", "writer", EVE)
    assert serving.names(ADA) == ["tickets-2", "tickets"] and serving.names(EVE) == ["tickets"]
    assert serving.names(ROOT) == [own, "tickets-2", id, "kept"]
    assert serving.client(ROOT).completions.create(model=id, prompt="a film").model == "tickets"
    with pytest.raises(openai.NotFoundError, match="2 prompts are called 'tickets': give the id of the run"):
        serving.client(ROOT).completions.create(model="tickets", prompt="a film")
    for model in ("tickets-2", id, hers_too, "none", "tickets\0", "x" * 9_000):
        with pytest.raises(openai.NotFoundError) as refused:
            serving.client(EVE).completions.create(model=model, prompt="a film")
        known = f"There is no model {model[:100]!r} here: choose one of 'tickets'."
        assert message_of(refused.value) == known and refused.value.code == "model_not_found"
        with pytest.raises((openai.NotFoundError, openai.APIConnectionError, httpx.InvalidURL)):
            serving.client(EVE).models.retrieve(model)
    for change in (serving.studio.as_(EVE).serve, serving.studio.as_(EVE).stop_serving):
        with pytest.raises(Exception, match="There is no run"):
            change(id)
    assert serving.studio.as_(ADA).served_run(id) is not None


def test_without_a_token_or_with_a_wrong_or_revoked_one_nothing_is_answered(serving: Serving) -> None:
    serving.served("films", "films")
    ada = serving.studio.as_(ADA)
    token, secret = ada.make_token("a program", True, 30)
    client = OpenAI(base_url=f"http://127.0.0.1:{serving.port}/v1", api_key=secret, max_retries=0)
    assert client.completions.create(model="films", prompt="a film").choices[0].text in ("positive", "negative")
    ada.revoke_token(token.number)
    for key in (secret, "none", f"ls_{'x' * 43}"):
        for ask in (client.with_options(api_key=key).models.list, serving_call(client.with_options(api_key=key))):
            with pytest.raises(openai.AuthenticationError):
                ask()
    with pytest.raises(NotAllowed):
        serving.studio.as_(replace(ADA, by_token=True, reads_only=True)).serve("any")


def serving_call(client: OpenAI) -> Any:
    return lambda: client.completions.create(model="films", prompt="a film")


def test_what_is_wrong_is_one_sentence_in_the_form_of_openais_errors(serving: Serving) -> None:
    serving.served("films", "films")
    address = f"http://127.0.0.1:{serving.port}/v1/completions"
    headers = {"Authorization": f"Bearer {serving.token(ADA)}"}
    bodies: dict[bytes, tuple[int, str]] = {
        b"": (400, "The body is not JSON: "),
        b"[]": (400, "The body must be a JSON object, not a list."),
        b"[" * 100_000: (400, "The body is not JSON: "),
        b'{"prompt": "x"}': (400, "The field 'model' is missing"),
        b'{"model": 3}': (400, "The field 'model' must be a text"),
        b'{"model": "films"}': (400, "The field 'prompt' is missing"),
        b'{"model": "films", "prompt": "x", "temperature": NaN}': (400, "The body is not JSON: NaN"),
        b'{"model": "films", "prompt": "x", "tools": [1]}': (400, "The field 'tools' can only be"),
        json.dumps({"model": "films", "prompt": ["x"] * 1_000}).encode(): (400, "The field 'prompt' can hold at most"),
        b'{"model": "films", "prompt": "' + b"x" * 5_000_000 + b'"}': (413, "What was sent is too large"),
    }
    for body, (status, sentence) in bodies.items():
        answer = httpx.post(address, content=body, headers=headers, timeout=60)
        said = answer.text if status == 413 else answer.json()["error"]["message"]
        assert (answer.status_code, said[: len(sentence)]) == (status, sentence)
    assert httpx.get(address, headers=headers).status_code == 405
    assert httpx.get(address.replace("completions", "embeddings"), headers=headers).json()["error"]["message"]
    page = httpx.post(address, json={}, headers={**headers, "Origin": "https://evil.example"})
    assert page.status_code == 403


def test_a_prompt_that_is_stopped_or_deleted_while_it_answers_says_so_and_answers_no_more(serving: Serving) -> None:
    for end in ("stop_serving", "delete"):
        id = serving.served(f"writer {end}", "writer")
        serving.served(f"other {end}", "writer")
        client = serving.client()
        stream = client.completions.create(
            model=f"writer-{end}", prompt="a film", max_tokens=400, temperature=1, stream=True
        )
        next(iter(stream))
        getattr(serving.studio.as_(ADA), end)(id)
        with pytest.raises(openai.APIError, match="not served any more"):
            for _ in stream:
                pass
        with pytest.raises(openai.NotFoundError):
            client.completions.create(model=f"writer-{end}", prompt="a film")
        assert client.completions.create(model=f"other-{end}", prompt="a film", max_tokens=2).choices


def test_a_process_of_which_nothing_is_served_any_more_is_ended(serving: Serving) -> None:
    id = serving.served("other", "other")
    until(lambda: len(serving.processes()) == 2)
    stream = serving.client().completions.create(model="other", prompt="a film", max_tokens=400, stream=True)
    next(iter(stream))
    serving.studio.as_(ADA).stop_serving(id)
    with pytest.raises(openai.APIError, match="not served any more"):
        for _ in stream:
            pass
    until(lambda: len(serving.processes()) == 1)


def test_a_client_that_goes_away_frees_its_place(serving: Serving) -> None:
    serving.served("writer", "writer")
    serving.client().completions.create(model="writer", prompt="a film", max_tokens=1)
    body = json.dumps({"model": "writer", "prompt": "a film", "max_tokens": 400, "stream": True}).encode()
    head = f"POST /v1/completions HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {serving.token(ADA)}\r\n"
    with socket.create_connection(("127.0.0.1", serving.port)) as connection:
        connection.sendall(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)
        assert connection.recv(100).startswith(b"HTTP/1.1 200")
        assert serving.studio._servers._places._taken == {"ada": 1}
    until(lambda: not serving.studio._servers._places._taken)


def test_a_client_that_reads_nothing_is_dropped(serving: Serving, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "UNREAD_SECONDS", 0.3)
    serving.served("writer", "writer")
    serving.client().completions.create(model="writer", prompt="a film", max_tokens=1)
    texts = ["a film"] * 60
    asked = {"model": "writer", "prompt": texts, "max_tokens": 400, "temperature": 3, "logprobs": 20, "stream": True}
    body = json.dumps(asked).encode()
    head = f"POST /v1/completions HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {serving.token(ADA)}\r\n"
    with socket.socket() as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.connect(("127.0.0.1", serving.port))
        connection.sendall(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)
        until(lambda: serving.studio._servers._places._taken)
        until(lambda: not serving.studio._servers._places._taken)


def test_hundreds_of_streams_of_one_person_leave_room_for_another(serving: Serving) -> None:
    serving.served("writer", "writer")
    serving.served("films", "films", EVE)
    flood, eve = serving.client(), serving.client(EVE)
    eve.completions.create(model="films", prompt="a film")
    outcomes: list[str] = []
    going = threading.Event()

    def ask(_: int) -> None:
        try:
            with flood.completions.create(
                model="writer", prompt="a film", max_tokens=30, temperature=1, stream=True
            ) as stream:
                going.set()
                outcomes.append("answered" if list(stream) else "")
        except openai.RateLimitError as error:
            outcomes.append(str(error.code))

    with ThreadPoolExecutor(100) as threads:
        asked = [threads.submit(ask, number) for number in range(300)]
        going.wait()
        for _ in range(3):
            assert eve.completions.create(model="films", prompt="a film").choices[0].text
        for one in asked:
            one.result()
    assert set(outcomes) == {"answered", "rate_limit_exceeded"} and len(outcomes) == 300
    with pytest.raises(openai.BadRequestError, match="at most 64"):
        flood.completions.create(model="writer", prompt=["x"] * (MOST_OF_ONE + 1))


def test_no_more_models_are_loaded_than_may_be_and_an_idle_one_makes_room(serving: Serving) -> None:
    for name in ("writer", "other", "third"):
        serving.served(name, name)
    client = serving.client()
    for name in ("writer", "other", "third"):
        assert client.completions.create(model=name, prompt="a film", max_tokens=2).model == name
        assert len(serving.processes()) <= 2


def test_a_model_that_cannot_be_loaded_is_one_sentence_and_can_be_loaded_later(serving: Serving) -> None:
    folder = serving.studio.settings.home / "backbones" / "acme--third"
    weights = folder / "model.safetensors"
    id = serving.run("third", "third")
    weights.rename(folder / "gone")
    try:
        serving.studio.as_(ADA).serve(id)
        with pytest.raises(openai.InternalServerError) as failed:
            serving.client().completions.create(model="third", prompt="a film")
        assert failed.value.status_code == 503 and message_of(failed.value).endswith(".")
    finally:
        (folder / "gone").rename(weights)
    assert serving.client().completions.create(model="third", prompt="a film", max_tokens=2).model == "third"


def test_a_process_that_is_killed_is_started_anew(serving: Serving) -> None:
    serving.served("writer", "writer")
    client = serving.client()
    stream = client.completions.create(model="writer", prompt="a film", max_tokens=400, temperature=1, stream=True)
    next(iter(stream))
    (process,) = serving.processes()
    process.kill()
    with pytest.raises(openai.APIError, match="The model ended while it was answering"):
        for _ in stream:
            pass
    assert client.completions.create(model="writer", prompt="a film", max_tokens=2).model == "writer"


def test_requests_count_and_a_space_or_demo_serves_nothing_unless_it_says_so(serving: Serving) -> None:
    serving.served("films", "films", ROOT)
    settings, database = serving.studio.settings, serving.studio._database
    few = Studio(replace(settings, quotas=Quotas(requests=2)), database)
    limited = few.as_(EVE)
    for _ in range(2):
        with pytest.raises(Exception, match="There is no model"):
            limited.ask_served("films", 1)
    with pytest.raises(OverQuota, match="2 requests within a minute"):
        limited.ask_served("films", 1)
    demo = Studio(replace(settings, demo=True, serves=False, sign_in=SignIn(admins=frozenset({"root"}))), database)
    with pytest.raises(NotAllowed, match="STUDIO_SERVE=yes"):
        demo.as_(VISITOR).ask_served("films", 1)
    opened = Studio(replace(demo.settings, serves=True), database).as_(VISITOR)
    assert [one.model for one in opened.served()] == ["films"]
    with pytest.raises(NotAllowed, match="This studio is a demo"):
        opened.stop_serving(opened.served()[0].job.id)
    read = settings.from_environment
    assert [read({"SPACE_ID": "a/b"}).serves, read({"STUDIO_DEMO": "yes"}).serves, read({}).serves] == [0, 0, 1]
    assert read({"STUDIO_DEMO": "yes", "STUDIO_SERVE": "yes"}).serves


def test_a_run_that_cannot_be_read_is_listed_with_its_problem_and_hides_no_other(serving: Serving) -> None:
    serving.served("films", "films")
    id = serving.served("broken", "writer")
    ada = serving.studio.as_(ADA)
    (ada._artifacts.path(id) / "lamp_config.json").unlink()
    broken, films = ada.served()
    assert (broken.job.id, broken.kind, films.model, films.problem) == (id, None, "films", "")
    assert "does not hold a whole exported prompt" in broken.problem
    assert serving.names(ADA) == ["films"]
    with pytest.raises(openai.InternalServerError, match="does not hold a whole exported prompt"):
        serving.client().models.retrieve("broken")
    box = ServeBox(ada)
    assert "Stop serving broken" in box.show(id, "yes", "Python", "UTC", no_request())[-1]
    assert box.stop(id) == "" and len(ada.served()) == 1


def no_request() -> Any:
    """A handler's request, where it looks at none."""
    return None


def test_the_tick_of_a_run_that_votes_does_not_go_along_with_one_that_cannot(serving: Serving) -> None:
    votes, writes = serving.run("films", "films"), serving.run("writer", "writer")
    box = ServeBox(serving.studio.as_(ADA))
    box_of_votes, box_of_texts = (box.show(id, "yes", "Python", "UTC", no_request())[4] for id in (votes, writes))
    assert (box_of_votes.visible, box_of_texts.visible, box_of_texts.value) == (True, False, False)
    assert box.serve(writes, True) == box.serve(votes, True) == ""
    assert {one.model: one.vote for one in serving.studio.as_(ADA).served()} == {"films": True, "writer": False}


def test_a_long_text_of_another_alphabet_is_no_larger_for_the_process(serving: Serving) -> None:
    serving.served("films", "films")
    fields = {"model": "films", "prompt": "ж" * 700_000, "tools": [1]}
    body = json.dumps(fields, ensure_ascii=False).encode()
    headers = {"Authorization": f"Bearer {serving.token(ADA)}"}
    answer = httpx.post(f"http://127.0.0.1:{serving.port}/v1/completions", content=body, headers=headers, timeout=60)
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, "tools")
    half = json.dumps({"model": "films", "prompt": "\ud800"}).encode()
    answer = httpx.post(f"http://127.0.0.1:{serving.port}/v1/completions", content=half, headers=headers, timeout=60)
    assert answer.status_code == 400 and "holds a character that no text can hold" in answer.json()["error"]["message"]


def test_a_request_that_was_read_before_its_prompt_was_stopped_is_not_answered(
    serving: Serving, monkeypatch: pytest.MonkeyPatch
) -> None:
    id = serving.served("writer", "writer")
    ada, servers = serving.studio.as_(ADA), serving.studio._servers
    lease, start = servers.lease, servers.start

    def stopped_before(*values: Any) -> Any:
        ada.stop_serving(id)
        return lease(*values)

    monkeypatch.setattr(servers, "lease", stopped_before)
    with pytest.raises(NoSuchModel, match="not served any more"):
        ada.ask_served("writer", 1)
    assert not servers._places._taken and all(id not in server.runs for server in servers._servers.values())

    def busy(_: Any) -> None:
        raise Busy("2 models are answering already.")

    monkeypatch.setattr(servers, "start", busy)
    with pytest.raises(Busy):
        ada.serve(id)
    assert ada.served_run(id) is None
    monkeypatch.setattr(servers, "start", start)


def test_files_that_cannot_be_read_are_one_sentence(serving: Serving, monkeypatch: pytest.MonkeyPatch) -> None:
    serving.served("films", "films")

    def full(*_: Any) -> Any:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(ArtifactStore, "path", full)
    with pytest.raises(openai.InternalServerError, match="No space left on device") as failed:
        serving.client().completions.create(model="films", prompt="a film")
    assert failed.value.status_code == 503
    assert serving.names(ADA) == []
