"""The ways to answer that benchmarks/serving.py compares. Call `prepare_process` before this is imported."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any

import httpx
import torch
import uvicorn

from lamp.backbone.frozen import FrozenBackbone
from lamp.config import DataConfig, TuneConfig
from lamp.export.saved_prompt import SavedPrompt
from lamp.inference.generate import generate
from lamp.sampling import Sampling
from lamp.serving.engine import Engine
from lamp.serving.prompts import ServedPrompts
from lamp.serving.server import address_of, bound_socket
from lamp.serving.web import web_api

BATCH = 16
LIMITS = (8, 16, 32, 64)
PROMPTS, VIRTUAL_TOKENS = 8, 20

Request = tuple[str, str, int]
"""Prompt, text and most tokens of the answer"""
Answer = tuple[float, int]
"""Seconds until all of it was there, and its tokens"""
Way = Callable[[list[Request]], list[Answer]]


def prompts_of(backbone: FrozenBackbone) -> ServedPrompts:
    """Prompts of random words: they cost what trained ones cost."""
    data = DataConfig(("text",), "plain", input_format="chat", max_input_tokens=128, max_target_tokens=max(LIMITS))
    config = TuneConfig(backbone.reference, data)
    saved = {}
    for number in range(PROMPTS):
        words = torch.randint(
            len(backbone.tokenizer), (VIRTUAL_TOKENS,), generator=torch.Generator().manual_seed(number)
        )
        virtual = backbone.embed(words.to(backbone.device)).float().cpu()
        saved[f"prompt-{number}"] = SavedPrompt(virtual, config, "generation", (), (virtual,), None)
    return ServedPrompts(backbone, saved)


def in_batches(prompts: ServedPrompts, size: int) -> Way:
    """The predictor: batches in the order of the requests, each as long as its longest answer."""

    def way(requests: list[Request]) -> list[Answer]:
        start, answers = time.perf_counter(), []
        for first in range(0, len(requests), size):
            batch = requests[first : first + size]
            served = [one for name, _, _ in batch if (one := prompts.get(name))]
            ids = [prompts.encode(one, [{"text": text}])[0] for one, (_, text, _) in zip(served, batch, strict=True)]
            sampling = Sampling(longest_answer=max(limit for _, _, limit in batch))
            texts = generate(
                prompts.backbone, [one.prefix for one in served], served[0].encoder, ids, size, sampling=sampling
            )
            seconds = time.perf_counter() - start
            for text, (_, _, limit) in zip(texts, batch, strict=True):
                tokens = len(prompts.backbone.tokenizer(text, add_special_tokens=False).input_ids)
                answers.append((seconds, min(limit, tokens)))
        return answers

    return way


@contextmanager
def lamp_server(prompts: ServedPrompts, clients: int, *, joins: bool) -> Iterator[Way]:
    """The server of `python -m lamp serve`. joins: whether texts begin beside others; else batches of what waits."""
    engine = Engine(prompts, BATCH, 1000)
    engine._writer.joins = joins and engine.joins
    with bound_socket("127.0.0.1", 0) as listener:
        server = uvicorn.Server(uvicorn.Config(web_api(prompts, engine), log_level="warning", lifespan="off"))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
        thread.start()
        yield over_http(address_of(listener), clients, lambda name: name)
        server.should_exit = True
        thread.join()
    engine.close()


def over_http(address: str, clients: int, model_of: Callable[[str], str]) -> Way:
    """Chat completions of a server, asked by several clients at a time."""

    def way(requests: list[Request]) -> list[Answer]:
        def ask(request: Request) -> Answer:
            name, text, limit = request
            body = {
                "model": model_of(name),
                "messages": [{"role": "user", "content": text}],
                "max_tokens": limit,
                "temperature": 0,
            }
            start = time.perf_counter()
            answer = httpx.post(f"{address}/v1/chat/completions", json=body, timeout=600).raise_for_status().json()
            return time.perf_counter() - start, answer["usage"]["completion_tokens"]

        with ThreadPoolExecutor(clients) as pool:
            return list(pool.map(ask, requests))

    return way


@contextmanager
def transformers_server(folder: Path, clients: int, *, continuous: bool) -> Iterator[Way]:
    """`transformers serve` in a process of its own."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = [str(Path(sys.executable).with_name("transformers")), "serve", str(folder), "--port", str(port)]
    command += ["--host", "127.0.0.1", *(["--continuous-batching"] if continuous else [])]
    environment = {**os.environ, "HF_HUB_OFFLINE": "1"}
    with subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            way = over_http(f"http://127.0.0.1:{port}", clients, lambda _: str(folder))
            while process.poll() is None:
                try:
                    way([("", "Hello", 2)])
                    break
                except httpx.TransportError:
                    time.sleep(0.5)
            yield way
        finally:
            process.terminate()


@contextmanager
def llama_cpp(file: Path, clients: int) -> Iterator[Way]:
    """llama.cpp's server, which xllamacpp runs in this process."""
    xllamacpp: Any = import_module("xllamacpp")  # not required: the other ways are compared without it
    settings = xllamacpp.CommonParams()
    settings.model.path, settings.n_parallel, settings.n_ctx = str(file), BATCH, 512 * BATCH
    settings.cpuparams.n_threads = torch.get_num_threads()
    server = xllamacpp.Server(settings)

    def way(requests: list[Request]) -> list[Answer]:
        def ask(request: Request) -> Answer:
            _, text, limit = request
            start = time.perf_counter()
            body = {"messages": [{"role": "user", "content": text}], "max_tokens": limit, "temperature": 0}
            answer: Any = server.handle_chat_completions({**body, "cache_prompt": False})
            answer = json.loads(answer) if isinstance(answer, str | bytes) else answer
            return time.perf_counter() - start, answer["usage"]["completion_tokens"]

        with ThreadPoolExecutor(clients) as pool:
            return list(pool.map(ask, requests))

    yield way


def ways_of(folder: Path, gguf: Path | None, clients: int, stack: ExitStack) -> dict[str, Way]:
    """The ways by their names, whose servers end with the stack. folder: of the backbone; gguf: the same model."""
    prompts = prompts_of(FrozenBackbone.load(str(folder)))
    print(f"{prompts.backbone.dtype}, {torch.get_num_threads()} threads", file=sys.stderr)
    ways = {
        "the predictor, one by one": in_batches(prompts, 1),
        f"transformers' generate, batches of {BATCH}": in_batches(prompts, BATCH),
        "`lamp serve`, batches of what waits": stack.enter_context(lamp_server(prompts, clients, joins=False)),
        "`lamp serve`": stack.enter_context(lamp_server(prompts, clients, joins=True)),
    }
    for continuous in (False, True):
        name = f"`transformers serve{' --continuous-batching' * continuous}`"
        ways[name] = stack.enter_context(transformers_server(folder, clients, continuous=continuous))
    if gguf:
        ways[f"llama.cpp's server, {gguf.name}"] = stack.enter_context(llama_cpp(gguf, clients))
    return ways
