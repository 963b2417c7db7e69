"""The jobs of one request, and what the engine tells of them, handed from its thread to the web server's."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, MutableMapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from lamp.inference.growing_answer import GrowingAnswer, TextInput, TokenScore
from lamp.inference.predict import Prediction
from lamp.serving.bodies import Choice
from lamp.serving.engine import Engine, Job
from lamp.serving.prompts import ServedPrompt
from lamp.serving.refusal import Refusal


class ClientGone(Exception):
    """The client has closed the connection."""


@dataclass(frozen=True)
class Piece:
    """A further piece of an answer."""

    text: str
    scores: Sequence[TokenScore]


News = Piece | Choice
"""A piece of an answer, or all of it."""


class Pending:
    """The answers of one request while it waits for them."""

    def __init__(self, engine: Engine, prompt: ServedPrompt, inputs: Sequence[TextInput]) -> None:
        """Hands the inputs to the engine, in the running event loop. Raises a Refusal when it takes no more."""
        self._loop = asyncio.get_running_loop()
        self._events: asyncio.Queue[tuple[int, News | Refusal]] = asyncio.Queue()
        self._jobs = [Job(prompt, given, _Listener(self, number)) for number, given in enumerate(inputs)]
        self._prompt = prompt
        engine.submit(self._jobs)

    @property
    def input_tokens(self) -> int:
        """What the model reads of all inputs, virtual tokens among them."""
        prompt = self._prompt
        return prompt.readings * sum(len(job.given.ids) + prompt.virtual_tokens for job in self._jobs)

    def tell(self, number: int, news: News | Refusal) -> None:
        """Takes news from the engine's thread."""
        with suppress(RuntimeError):  # the server has ended, and with it the loop
            self._loop.call_soon_threadsafe(self._events.put_nowait, (number, news))

    def choice(self, number: int, answer: GrowingAnswer | Prediction, scores: Sequence[TokenScore]) -> Choice:
        """A whole answer. scores: of all its tokens."""
        if isinstance(answer, Prediction):
            (label,) = self._prompt.encoder.continuations([answer.text])
            return Choice(answer.text, "stop", len(label), None, answer.probabilities)
        asked = self._jobs[number].given.top is not None
        return Choice(answer.text, answer.finish, len(answer.tokens), tuple(scores) if asked else None)

    async def events(
        self, receive: Callable[[], Awaitable[MutableMapping[str, Any]]]
    ) -> AsyncIterator[tuple[int, News]]:
        """What is new, each with the number of its job. Raises the first Refusal, and ClientGone; then the jobs end."""
        left = len(self._jobs)
        gone = asyncio.ensure_future(_disconnect(receive))
        try:
            while left:
                news = asyncio.ensure_future(self._events.get())
                await asyncio.wait({news, gone}, return_when=asyncio.FIRST_COMPLETED)
                if not news.done():
                    news.cancel()
                    raise ClientGone
                number, what = news.result()
                if isinstance(what, Refusal):
                    raise what
                left -= isinstance(what, Choice)
                yield number, what
        finally:
            gone.cancel()
            for job in self._jobs:
                job.cancel()


class _Listener:
    """Tells of one job."""

    def __init__(self, pending: Pending, number: int) -> None:
        self._pending, self._number = pending, number
        self._scores: list[TokenScore] = []

    def on_piece(self, text: str, scores: Sequence[TokenScore]) -> None:
        self._scores += scores
        self._pending.tell(self._number, Piece(text, scores))

    def on_end(self, answer: GrowingAnswer | Prediction) -> None:
        self._pending.tell(self._number, self._pending.choice(self._number, answer, self._scores))

    def on_failure(self, refusal: Refusal) -> None:
        self._pending.tell(self._number, refusal)


async def _disconnect(receive: Callable[[], Awaitable[MutableMapping[str, Any]]]) -> None:
    """Returns when the client closes the connection. The body must have been read."""
    while (await receive())["type"] != "http.disconnect":
        pass
