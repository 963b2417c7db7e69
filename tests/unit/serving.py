"""What the tests of the served prompts share: prompts of a tiny backbone, a server in a thread, and its clients."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import torch
import uvicorn
from openai import OpenAI

from lamp.backbone.frozen import FrozenBackbone
from lamp.config import DataConfig, TrainConfig, TuneConfig
from lamp.export.saved_prompt import SavedPrompt
from lamp.inference.predict import Prediction, predict
from lamp.sampling import GREEDY, Sampling
from lamp.serving.engine import Engine
from lamp.serving.prompts import ServedPrompts
from lamp.serving.server import address_of, bound_socket, server_config
from lamp.serving.web import web_api

LABELS = ("positive", "negative", "very good ending")


def prompts_of(folder: Path) -> ServedPrompts:
    """Eight prompts of unequal length: six write texts, two pick labels."""
    backbone = FrozenBackbone.load(str(folder), precision="fp32")
    if backbone.is_encoder_decoder:
        _make_lively(backbone)
    return ServedPrompts(backbone, {f"prompt-{number}": saved_prompt(backbone, number) for number in range(8)})


def _make_lively(backbone: FrozenBackbone) -> None:
    """A tiny random encoder-decoder model repeats one token to whatever it reads: larger weights do not."""
    model, generator = backbone.model, torch.Generator().manual_seed(1)
    with torch.no_grad():
        for weight in model.parameters():
            if weight.dim() > 1:
                weight.mul_(4)
        random = torch.randn(model.lm_head.weight.shape, generator=generator)
        model.lm_head.weight = torch.nn.Parameter(random.to(backbone.device), requires_grad=False)


def saved_prompt(backbone: FrozenBackbone, number: int) -> SavedPrompt:
    generator = torch.Generator().manual_seed(number)
    virtual = torch.randn(2 + 3 * number, backbone.hidden_size, generator=generator) * 0.5
    data = DataConfig(("text",), "label", max_input_tokens=48, max_target_tokens=12 + number)
    config = TuneConfig(backbone.reference, data, train=TrainConfig(precision="fp32"))
    return SavedPrompt(virtual, config, "generation", LABELS if number >= 6 else (), (virtual,), None)


def alone(prompts: ServedPrompts, name: str, text: str, sampling: Sampling = GREEDY) -> Prediction:
    """What the existing predictor answers to one input by itself."""
    prompt = prompts.get(name)
    assert prompt is not None
    ids = prompt.encoder.inputs([f"text: {text}\nlabel:"], ["\nlabel:"])
    (answer,) = predict(prompts.backbone, [prompt.prefix], prompt.encoder, ids, prompt.saved.labels, sampling=sampling)
    return answer


@dataclass
class Served:
    """A server and its clients."""

    prompts: ServedPrompts
    engine: Engine
    address: str
    key: str = "none"

    @property
    def client(self) -> OpenAI:
        return OpenAI(base_url=f"{self.address}/v1", api_key=self.key, max_retries=0)

    def chat(self, name: str, text: str, **more: Any) -> Any:
        return self.client.chat.completions.create(model=name, messages=[{"role": "user", "content": text}], **more)

    def post(self, path: str, body: object, **headers: str) -> httpx.Response:
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        return httpx.post(f"{self.address}{path}", content=content, headers=headers, timeout=60)

    def load(self) -> tuple[int, int]:
        health = httpx.get(f"{self.address}/health").json()
        return health["running"], health["waiting"]


@contextmanager
def serving(prompts: ServedPrompts, rows: int = 16, queue: int = 256, key: str = "") -> Iterator[Served]:
    """A server that ends with the block."""
    engine = Engine(prompts, rows, queue)
    with bound_socket("127.0.0.1", 0) as listener:
        server = uvicorn.Server(server_config(web_api(prompts, engine, key)))
        listener.listen()
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
        thread.start()
        try:
            yield Served(prompts, engine, address_of(listener), key or "none")
        finally:
            server.should_exit = True
            engine.close()
            thread.join()


class Gate:
    """Lets a writer take one step at a time; as many as it likes from the end of the block on."""

    def __init__(self, engine: Engine) -> None:
        self._steps = threading.Semaphore(0)
        writer = engine._writer
        self._step = writer.step
        self._open = False

        def step() -> None:
            if not self._open:
                self._steps.acquire()
            self._step()

        writer.step = step  # type: ignore[method-assign]

    def __enter__(self) -> Gate:
        return self

    def __exit__(self, *_: object) -> None:
        self.open()

    def let(self, steps: int) -> None:
        """Lets it take so many steps."""
        self._steps.release(steps)

    def open(self) -> None:
        """Lets it go on."""
        self._open = True
        self._steps.release()


def until(condition: Callable[[], bool]) -> None:
    """Returns once a condition holds, which a test waits for as long as it takes."""
    while not condition():
        time.sleep(0.005)


def texts_of(chunks: Sequence[Any]) -> list[str]:
    """The pieces of a streamed chat completion."""
    return [chunk.choices[0].delta.content for chunk in chunks if chunk.choices and chunk.choices[0].delta.content]
