"""Served prompts answer OpenAI's client as the predictor answers one input at a time."""

from __future__ import annotations

import json
import math
import socket
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import openai
import pytest
import torch

from lamp.backbone.rows_probe import rows_may_join
from lamp.sampling import Sampling
from lamp.serving.prompts import ServedPrompts
from tests.tiny import WORDS, save_tiny
from tests.unit.serving import LABELS, Gate, Served, alone, prompts_of, serving, texts_of, until

JOINS = {"llama": True, "gemma3": True, "t5": True, "bart": False}
WORD = WORDS.split()
INPUTS = [" ".join(WORD[(7 * number + step) % len(WORD)] for step in range(1 + number % 9)) for number in range(64)]


@pytest.fixture(scope="module", params=JOINS)
def prompts(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> ServedPrompts:
    return prompts_of(save_tiny(tmp_path_factory.mktemp("served") / request.param, request.param))


@pytest.fixture(scope="module")
def llama(tmp_path_factory: pytest.TempPathFactory) -> ServedPrompts:
    return prompts_of(save_tiny(tmp_path_factory.mktemp("served") / "llama", "llama"))


@pytest.fixture(scope="module")
def served(llama: ServedPrompts) -> Iterator[Served]:
    with serving(llama) as one:
        yield one


def test_mixed_requests_of_eight_prompts_get_the_texts_of_one_by_one(prompts: ServedPrompts) -> None:
    wanted = [alone(prompts, f"prompt-{number % 8}", text).text for number, text in enumerate(INPUTS)]
    with serving(prompts) as served, ThreadPoolExecutor(64) as clients:
        asked = [clients.submit(served.chat, f"prompt-{number % 8}", text) for number, text in enumerate(INPUTS)]
        got = [future.result().choices[0].message.content for future in asked]
        assert served.load() == (0, 0)
    assert got == wanted
    assert len(set(wanted)) > 8


def test_which_backbones_let_a_text_begin_beside_others_is_found_out(prompts: ServedPrompts) -> None:
    assert rows_may_join(prompts.backbone) is JOINS[prompts.backbone.model.config.model_type.removesuffix("_text")]


def test_a_seed_draws_what_it_draws_for_one_input_alone(prompts: ServedPrompts) -> None:
    settings = [Sampling(temperature=0.5 + number / 8, top_p=0.9, seed=number) for number in range(16)]
    names = [f"prompt-{number % 6}" for number in range(16)]
    wanted = [alone(prompts, name, text, one).text for name, text, one in zip(names, INPUTS, settings, strict=False)]
    with serving(prompts) as served, ThreadPoolExecutor(16) as clients:
        asked = [
            clients.submit(served.chat, name, text, temperature=one.temperature, top_p=one.top_p, seed=one.seed)
            for name, text, one in zip(names, INPUTS, settings, strict=False)
        ]
        assert [future.result().choices[0].message.content for future in asked] == wanted


def test_a_label_comes_with_the_probability_of_each(prompts: ServedPrompts) -> None:
    with serving(prompts) as served:
        for text in INPUTS[:4]:
            wanted = alone(prompts, "prompt-6", text)
            (choice,) = served.chat("prompt-6", text).choices
            assert choice.message.content == wanted.text
            assert choice.label_probabilities == pytest.approx(wanted.probabilities, abs=1e-5)
            pieces = list(served.chat("prompt-6", text, stream=True))
            assert texts_of(pieces) == [wanted.text]
            assert pieces[1].choices[0].label_probabilities == pytest.approx(wanted.probabilities, abs=1e-5)
            assert pieces[-1].choices[0].finish_reason == "stop"


def test_streamed_pieces_joined_are_the_text(prompts: ServedPrompts) -> None:
    with serving(prompts) as served:
        for number in range(12):
            more: dict[str, Any] = {"temperature": 2.0, "seed": number, "max_tokens": 40}
            whole = served.chat("prompt-3", INPUTS[number], **more)
            chunks = list(
                served.chat("prompt-3", INPUTS[number], stream=True, stream_options={"include_usage": True}, **more)
            )
            assert "".join(texts_of(chunks)) == whole.choices[0].message.content
            assert chunks[0].choices[0].delta.role == "assistant"
            assert chunks[-2].choices[0].finish_reason == whole.choices[0].finish_reason
            assert chunks[-1].usage == whole.usage


def test_a_request_that_arrives_joins_at_the_next_step_and_ends_before_the_first(llama: ServedPrompts) -> None:
    with serving(llama) as served, ThreadPoolExecutor(3) as clients, Gate(served.engine) as gate:
        long = clients.submit(served.chat, "prompt-0", "good", max_tokens=200)
        until(lambda: served.load() == (1, 0))
        short = clients.submit(served.chat, "prompt-1", "bad film", max_tokens=4)
        label = clients.submit(served.chat, "prompt-7", "bad film")
        until(lambda: served.load() == (1, 2))
        gate.let(4)  # the step that waits, then three in which the short one has its second to fourth token
        wanted = alone(llama, "prompt-1", "bad film", Sampling(longest_answer=4)).text
        assert short.result().choices[0].message.content == wanted
        assert label.result().choices[0].message.content == alone(llama, "prompt-7", "bad film").text
        until(lambda: served.load() == (1, 0))
        gate.open()
        assert long.result().choices[0].finish_reason == "length"
        whole = alone(llama, "prompt-0", "good", Sampling(longest_answer=200)).text
        assert long.result().choices[0].message.content == whole


@pytest.mark.parametrize("stream", [True, False])
def test_a_client_that_goes_away_frees_its_place(llama: ServedPrompts, stream: bool) -> None:
    body = {"model": "prompt-0", "prompt": "good", "max_tokens": 200, "stream": stream}
    with serving(llama, rows=1) as served, Gate(served.engine) as gate:
        with socket.create_connection(("127.0.0.1", int(served.address.rpartition(":")[2]))) as connection:
            content = json.dumps(body).encode()
            head = f"POST /v1/completions HTTP/1.1\r\nhost: here\r\ncontent-length: {len(content)}\r\n\r\n"
            connection.sendall(head.encode() + content)
            until(lambda: served.load() == (1, 0))
        until(lambda: all(text.cancelled for text in served.engine._running))
        gate.let(2)  # few of 200: it does not end by itself
        until(lambda: served.load() == (0, 0))
        gate.open()
        wanted = alone(llama, "prompt-1", "good").text
        assert served.chat("prompt-1", "good").choices[0].message.content == wanted


def test_the_answer_ends_at_its_limit_or_before_a_stop(served: Served) -> None:
    whole = alone(served.prompts, "prompt-2", "good", Sampling(longest_answer=30)).text
    assert len(whole) > 8
    limited = served.chat("prompt-2", "good", max_completion_tokens=3)
    assert limited.choices[0].finish_reason == "length" and limited.usage.completion_tokens == 3
    assert whole.startswith(limited.choices[0].message.content)
    stop = whole[4:7]
    stopped = served.chat("prompt-2", "good", max_tokens=30, stop=[stop])
    assert stopped.choices[0].message.content == whole[: whole.index(stop)].strip()
    assert stopped.choices[0].finish_reason == "stop"


def test_usage_counts_virtual_tokens_template_and_input(served: Served) -> None:
    prompt = served.prompts.get("prompt-1")
    assert prompt is not None
    (ids,) = prompt.encoder.inputs(["text: good\nlabel:"], [""])
    usage = served.chat("prompt-1", "good", max_tokens=5).usage
    assert usage.prompt_tokens == len(ids) + prompt.virtual_tokens == len(ids) + 5
    assert usage.total_tokens == usage.prompt_tokens + usage.completion_tokens


def test_log_probabilities_are_those_of_the_model(served: Served) -> None:
    backbone, prompt = served.prompts.backbone, served.prompts.get("prompt-1")
    assert prompt is not None
    (ids,) = prompt.encoder.inputs(["text: good\nlabel:"], [""])
    virtual = prompt.saved.virtual_tokens.to(backbone.device)
    with torch.inference_mode():
        embeddings, _ = backbone.join(virtual, *prompt.encoder.pad_inputs([ids], backbone.device))
        shares = backbone.model(inputs_embeds=embeddings).logits[0, -1].float().log_softmax(dim=0)
    best = shares.topk(3)
    chat = served.chat("prompt-1", "good", max_tokens=4, logprobs=True, top_logprobs=3, temperature=2.0, seed=1)
    first = chat.choices[0].logprobs.content[0]
    assert len(chat.choices[0].logprobs.content) == chat.usage.completion_tokens
    assert [top.logprob for top in first.top_logprobs] == pytest.approx(best.values.tolist(), abs=1e-4)
    assert [top.token for top in first.top_logprobs] == [backbone.tokenizer.decode([i]) for i in best.indices.tolist()]
    assert any(math.isclose(first.logprob, share, abs_tol=1e-4) for share in shares.tolist())
    texts: Any = served.client.completions.create(model="prompt-1", prompt="good", max_tokens=4, logprobs=2)
    scores = texts.choices[0].logprobs
    assert scores.token_logprobs[0] == pytest.approx(best.values[0].item(), abs=1e-4)
    assert len(scores.tokens) == len(scores.top_logprobs) == len(scores.text_offset) == texts.usage.completion_tokens
    assert scores.text_offset[0] == 0 and scores.text_offset == sorted(scores.text_offset)


def test_streamed_log_probabilities_are_those_of_the_whole(served: Served) -> None:
    more: dict[str, Any] = {"max_tokens": 20, "logprobs": True, "temperature": 2.0, "seed": 5}
    whole = served.chat("prompt-0", "bad", **more).choices[0].logprobs.content
    chunks = [chunk.choices[0] for chunk in served.chat("prompt-0", "bad", stream=True, **more)]
    streamed = [score for choice in chunks if choice.logprobs for score in choice.logprobs.content]
    assert [score.token for score in streamed] == [score.token for score in whole]
    assert [score.logprob for score in streamed] == pytest.approx([score.logprob for score in whole], abs=1e-4)


def test_completions_answer_a_list_of_inputs_in_its_order(served: Served) -> None:
    wanted = [alone(served.prompts, "prompt-2", text).text for text in INPUTS[:5]]
    answered = served.client.completions.create(model="prompt-2", prompt=INPUTS[:5])
    assert [choice.text for choice in answered.choices] == wanted
    pieces = [""] * 5
    for chunk in served.client.completions.create(model="prompt-2", prompt=INPUTS[:5], stream=True):
        pieces[chunk.choices[0].index] += chunk.choices[0].text
    assert pieces == wanted


def test_the_models_are_the_prompts(served: Served) -> None:
    models: dict[str, Any] = {model.id: model for model in served.client.models.list()}
    assert list(models) == [f"prompt-{number}" for number in range(8)]
    assert models["prompt-6"].labels == list(LABELS) and models["prompt-6"].input_columns == ["text"]
    one: Any = served.client.models.retrieve("prompt-0")
    assert one.labels == []


def test_inputs_that_are_too_long_for_a_window_are_written_by_themselves(tmp_path: Path, llama: ServedPrompts) -> None:
    prompts = prompts_of(save_tiny(tmp_path / "gemma3", "gemma3"))
    long = " ".join(WORD[:30])
    wanted = alone(prompts, "prompt-5", long, Sampling(longest_answer=40)).text
    with serving(prompts) as served, ThreadPoolExecutor(4) as clients:
        asked = [clients.submit(served.chat, "prompt-5", long, max_tokens=40) for _ in range(2)]
        short = clients.submit(served.chat, "prompt-0", "good")
        assert [one.result().choices[0].message.content for one in asked] == [wanted] * 2
        assert short.result().choices[0].message.content == alone(prompts, "prompt-0", "good").text


def test_a_failure_is_told_to_whom_it_concerns_and_the_next_request_is_answered(
    llama: ServedPrompts, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with serving(llama) as served:
        broken = threading.Event()
        step = served.engine._writer.step

        def fail_once() -> None:
            if not broken.is_set():
                broken.set()
                raise RuntimeError("something in a library")
            step()

        monkeypatch.setattr(served.engine._writer, "step", fail_once)
        with pytest.raises(openai.InternalServerError, match="The server failed to answer: its log says why"):
            served.chat("prompt-0", "good")
        assert "something in a library" in capsys.readouterr().err
        assert served.chat("prompt-0", "good").choices[0].message.content == alone(llama, "prompt-0", "good").text


def test_when_memory_is_short_the_batch_is_read_in_parts(llama: ServedPrompts, monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(llama) as served, ThreadPoolExecutor(8) as clients:
        begin, tried = served.engine._writer.begin, []

        def short(answers: Any) -> None:
            tried.append(len(answers))
            if len(answers) > 2:
                raise torch.OutOfMemoryError("CUDA out of memory")
            begin(answers)

        monkeypatch.setattr(served.engine._writer, "begin", short)
        with Gate(served.engine):
            asked = [clients.submit(served.chat, "prompt-1", text) for text in INPUTS[:8]]
            until(lambda: sum(served.load()) == 8)
        got = [one.result().choices[0].message.content for one in asked]
    assert max(tried) > 2
    assert got == [alone(llama, "prompt-1", text).text for text in INPUTS[:8]]
