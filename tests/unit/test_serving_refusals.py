"""What the served prompts refuse, each in one sentence in the form of OpenAI's errors."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from typing import Any

import httpx
import openai
import pytest

from lamp.config import DataConfig
from lamp.data.chat import ChatAffixes
from lamp.errors import OutOfMemory
from lamp.serving.prompts import ServedPrompts
from tests.tiny import save_tiny
from tests.unit.serving import Gate, Served, alone, prompts_of, saved_prompt, serving, until

HELLO = [{"role": "user", "content": "good"}]
KEY = "a secret of the tests"


@pytest.fixture(scope="module")
def prompts(tmp_path_factory: pytest.TempPathFactory) -> ServedPrompts:
    return prompts_of(save_tiny(tmp_path_factory.mktemp("served") / "llama", "llama"))


@pytest.fixture(scope="module")
def served(prompts: ServedPrompts) -> Iterator[Served]:
    with serving(prompts) as one:
        yield one


def error_of(answer: httpx.Response) -> dict[str, Any]:
    error: dict[str, Any] = answer.json()["error"]
    assert error.keys() == {"message", "type", "param", "code"}
    assert "\n" not in error["message"] and error["message"].endswith(".")
    return error


@pytest.mark.parametrize(
    ("changes", "status", "param", "sentence"),
    [
        ({"model": "none"}, 404, "model", "There is no model 'none' here: choose one of 'prompt-0', 'prompt-1'"),
        ({"model": None}, 400, "model", "The field 'model' is missing: it must be a text."),
        ({"model": 3}, 400, "model", "The field 'model' must be a text, not a number."),
        ({"temperature": "hot"}, 400, "temperature", "must be a number between 0 and 5, not a text."),
        ({"temperature": 9}, 400, "temperature", "must be a number between 0 and 5, not 9."),
        ({"temperature": True}, 400, "temperature", "must be a number between 0 and 5, not true or false."),
        ({"top_p": 0}, 400, "top_p", "must be a number between 0.01 and 1, not 0."),
        ({"max_tokens": 0}, 400, "max_tokens", "must be a whole number between 1 and 4,096, not 0."),
        ({"max_completion_tokens": 1.5}, 400, "max_completion_tokens", "must be a whole number between 1 and 4,096"),
        ({"seed": -1}, 400, "seed", "must be a whole number between 0 and 4,294,967,295, not -1."),
        ({"stop": ["a"] * 5}, 400, "stop", "The field 'stop' can hold at most 4 texts, not 5."),
        ({"stop": [""]}, 400, "stop", "Each text of 'stop' must have 1 to 1,000 characters."),
        ({"stop": 1}, 400, "stop", "The field 'stop' must be a text or a list of texts, not a number."),
        ({"n": 2}, 400, "n", "The field 'n' can only be 1 here: leave it out."),
        ({"tools": [{}]}, 400, "tools", "The field 'tools' can only be [] here: leave it out."),
        ({"response_format": {"type": "json_object"}}, 400, "response_format", "can only be {'type': 'text'} here"),
        ({"top_k": 3}, 400, "top_k", "The field 'top_k' is not known here: leave it out."),
        ({"\ud800": 3}, 400, "?", "The field '?' is not known here: leave it out."),
        ({"top_logprobs": 2}, 400, "top_logprobs", "The field 'top_logprobs' wants 'logprobs' to be true."),
        ({"model": "prompt-6", "logprobs": True}, 400, "logprobs", "picks a label, whose probabilities are in"),
        ({"stream": "yes"}, 400, "stream", "The field 'stream' must be true or false, not a text."),
        ({"stream_options": {"x": 1}}, 400, "x", "The field 'x' is not known here: leave it out."),
        ({"messages": []}, 400, "messages", "must be a list of 1 to 1,000 messages."),
        ({"messages": [3]}, 400, "messages[0]", "messages[0] must be an object with a role and a content."),
        ({"messages": [{"role": "tool", "content": ""}]}, 400, "messages[0]", "The role of messages[0] must be"),
        ({"messages": [{"role": "user", "content": 3}]}, 400, "messages[0]", "The content of messages[0] must be"),
        (
            {"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {}}]}]},
            400,
            "messages[0]",
            "The content of messages[0] can only have parts of text.",
        ),
        ({"messages": [*HELLO, {"role": "assistant", "content": "yes"}]}, 400, "messages", "The last message must be"),
        ({"messages": [{"role": "user", "content": " "}]}, 400, None, "The input is empty"),
        ({"messages": [{"role": "user", "content": "\0"}]}, 400, None, "holds a character that no text can hold"),
        ({"messages": [{"role": "user", "content": "\ud800"}]}, 400, None, "holds a character that no text can hold"),
        ({"messages": [{"role": "user", "content": "good " * 60}]}, 400, None, "longer than the 48 tokens that the"),
        ({"max_tokens": 4000}, 400, None, "The model has 512 positions, and prompt, input and answer together would"),
    ],
)
def test_what_cannot_be_answered_is_one_sentence(
    served: Served, changes: dict[str, Any], status: int, param: str | None, sentence: str
) -> None:
    answer = served.post("/v1/chat/completions", {"model": "prompt-0", "messages": HELLO, **changes})
    assert answer.status_code == status
    error = error_of(answer)
    assert sentence in error["message"] and error["param"] == param


@pytest.mark.parametrize(
    ("body", "status", "sentence"),
    [
        (b"", 400, "The body is not JSON"),
        (b"{", 400, "The body is not JSON"),
        (b"\xff", 400, "The body is not JSON"),
        (b"[" * 100_000, 400, "The body is not JSON"),
        (b'{"temperature": NaN}', 400, "NaN is no number of JSON"),
        (b"[]", 400, "The body must be a JSON object, not a list."),
        (b" " * 4_000_001, 413, "The body is too large: at most 4 MB are taken."),
        (b'{"model": "prompt-0", "max_tokens": 1' + b"0" * 4000 + b"}", 400, "must be a whole number between 1 and"),
    ],
)
def test_a_body_that_makes_no_sense_is_one_sentence(served: Served, body: bytes, status: int, sentence: str) -> None:
    answer = served.post("/v1/completions", body)
    assert answer.status_code == status
    assert sentence in error_of(answer)["message"] or b"prompt-0" in body


def test_a_body_without_a_length_is_taken_up_to_the_limit(served: Served) -> None:
    answer = httpx.post(f"{served.address}/v1/completions", content=(b" " * 1_000_000 for _ in range(5)), timeout=60)
    assert answer.status_code == 413


@pytest.mark.parametrize(
    ("prompt", "sentence"),
    [
        (None, "The field 'prompt' is missing"),
        ([], "The field 'prompt' is missing"),
        ([1, 2], "The field 'prompt' must be a text or a list of texts, not a list."),
        (["a"] * 65, "The field 'prompt' can hold at most 64 texts, not 65."),
    ],
)
def test_completions_want_texts(served: Served, prompt: Any, sentence: str) -> None:
    answer = served.post("/v1/completions", {"model": "prompt-0", "prompt": prompt})
    assert answer.status_code == 400 and sentence in error_of(answer)["message"]


def test_other_addresses_and_methods_are_one_sentence(served: Served) -> None:
    assert error_of(httpx.get(f"{served.address}/v1/other"))["message"] == "There is nothing at this address."
    wrong = httpx.get(f"{served.address}/v1/completions")
    assert wrong.status_code == 405 and "method" in error_of(wrong)["message"]
    assert httpx.get(f"{served.address}/v1/models/none").status_code == 404


def test_fields_that_change_no_answer_are_taken(served: Served) -> None:
    answer = served.chat("prompt-0", "good", user="me", n=1, presence_penalty=0, tools=[], store=False, seed=None)
    assert answer.choices[0].message.content == alone(served.prompts, "prompt-0", "good").text


def test_pages_in_a_browser_are_refused(served: Served) -> None:
    answer = served.post("/v1/completions", {"model": "prompt-0", "prompt": "good"}, origin="http://127.0.0.1:8000")
    assert answer.status_code == 403 and "Pages in a browser" in error_of(answer)["message"]


def test_a_conversation_that_the_backbones_template_cannot_hold_is_one_sentence(prompts: ServedPrompts) -> None:
    saved = saved_prompt(prompts.backbone, 1)
    data = replace(saved.config.data, input_format="chat", template="{text}")
    chat = ChatAffixes("<user>", "<model>")
    served_prompts = ServedPrompts(
        prompts.backbone, {"chat": replace(saved, config=replace(saved.config, data=data), chat=chat)}
    )
    with serving(served_prompts) as served:
        assert served.chat("chat", "good").choices[0].finish_reason
        body = {"model": "chat", "messages": [{"role": "system", "content": "be"}, *HELLO]}
        answer = served.post("/v1/chat/completions", body)
    assert answer.status_code == 400
    assert "is not the one that the prompt was trained with" in error_of(answer)["message"]


def test_a_full_queue_refuses_and_takes_requests_again_when_it_has_room(prompts: ServedPrompts) -> None:
    with serving(prompts, rows=1, queue=2) as served, ThreadPoolExecutor(3) as clients:
        asked = []
        with Gate(served.engine):
            for loaded in ((1, 0), (1, 1), (1, 2)):
                asked.append(clients.submit(served.chat, "prompt-0", "good"))
                until(partial(lambda wanted: served.load() == wanted, loaded))
            with pytest.raises(openai.RateLimitError, match="2 inputs wait already, and 2 may: ask again in a moment"):
                served.chat("prompt-0", "good")
        wanted = alone(prompts, "prompt-0", "good").text
        assert [one.result().choices[0].message.content for one in asked] == [wanted] * 3
        assert served.chat("prompt-0", "good").choices[0].message.content == wanted


def test_a_server_that_ends_refuses_in_one_sentence(prompts: ServedPrompts) -> None:
    with serving(prompts) as served:
        served.engine.close()
        with pytest.raises(openai.InternalServerError, match="The server is ending: ask again when it is back") as told:
            served.chat("prompt-0", "good")
        assert told.value.status_code == 503


def test_a_key_is_wanted_where_one_is_set_and_never_told(
    prompts: ServedPrompts, capfd: pytest.CaptureFixture[str]
) -> None:
    with serving(prompts, key=KEY) as served:
        assert served.chat("prompt-0", "good").choices[0].message.content
        for key in ("wrong", KEY[:-1], f"{KEY}x"):
            served.key = key
            with pytest.raises(openai.AuthenticationError, match="The API key is missing or wrong") as told:
                served.chat("prompt-0", "good")
            assert KEY not in str(told.value)
        assert httpx.get(f"{served.address}/v1/models").status_code == 401
        assert httpx.get(f"{served.address}/health").status_code == 200
    assert KEY not in "".join(capfd.readouterr())


def test_a_prompt_of_several_columns_reads_a_json_object(prompts: ServedPrompts) -> None:
    saved = saved_prompt(prompts.backbone, 1)
    data = DataConfig(("title", "text"), "label", max_input_tokens=48, max_target_tokens=12)
    both = ServedPrompts(prompts.backbone, {"both": replace(saved, config=replace(saved.config, data=data))})
    one = ServedPrompts(
        prompts.backbone,
        {
            "one": replace(
                saved,
                config=replace(
                    saved.config,
                    data=replace(data, input_columns=("text",), template="title: a {{}}\ntext: {text}\nlabel:"),
                ),
            )
        },
    )
    with serving(both) as served, serving(one) as other:
        wanted = other.chat("one", "good").choices[0].message.content
        row = json.dumps({"title": "a {}", "text": "good"})
        assert served.chat("both", row).choices[0].message.content == wanted
        for text in ("good", "[]", '{"text": "good"}', '{"title": "a", "text": 3}', "[" * 9999):
            with pytest.raises(openai.BadRequestError, match="a JSON object with a text for each of 'title', 'text'"):
                served.chat("both", text)


def test_a_conversation_is_read_as_one_of_the_data_is(prompts: ServedPrompts) -> None:
    messages: Any = [
        {"role": "developer", "content": "be"},
        {"role": "user", "content": [{"type": "text", "text": "good"}]},
    ]
    wanted = alone(prompts, "prompt-1", "system:\nbe\nuser:\ngood").text
    with serving(prompts) as served:
        answer = served.client.chat.completions.create(model="prompt-1", messages=messages)
    assert answer.choices[0].message.content == wanted


def test_too_little_memory_for_a_prompt_is_no_fault_of_the_request(
    prompts: ServedPrompts, served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    def short(_: str) -> Any:
        raise OutOfMemory("The memory is too short for this backbone: choose a smaller one.")

    monkeypatch.setattr(prompts, "get", short)
    answer = served.post("/v1/chat/completions", {"model": "prompt-0", "messages": HELLO})
    assert answer.status_code == 503 and error_of(answer)["code"] == "out_of_memory"
