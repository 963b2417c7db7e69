"""One answer while it is written: its tokens, how the next one is chosen, and when it ends."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor
from transformers import TemperatureLogitsWarper, TopPLogitsWarper

from lamp.backbone.frozen import FrozenBackbone
from lamp.backbone.prefix import Prefix
from lamp.inference.text_pieces import TextPieces
from lamp.sampling import GREEDY, Sampling

_LEAST = -9999.0
"""Stands for the log-probability of what is impossible, as JSON has no infinity."""


@dataclass(frozen=True, eq=False)
class TextInput:
    """An input that a text is written to, and how."""

    prefix: Prefix
    ids: tuple[int, ...]
    limit: int
    """The most tokens of the answer."""
    sampling: Sampling = GREEDY
    stops: tuple[str, ...] = ()
    """Texts before which the answer ends."""
    top: int | None = None
    """How many of the likeliest tokens are scored at each place, beside the one that was taken; None: none is."""


@dataclass(frozen=True)
class TokenScore:
    """How likely a token of an answer was, before temperature and top-p."""

    token: int
    log_probability: float
    likeliest: tuple[tuple[int, float], ...]
    """(token, log-probability), the likeliest first"""
    offset: int
    """Characters of the answer before it"""


OnPiece = Callable[[str, Sequence[TokenScore]], None]
"""Called with each further piece of a text, and the scores of the tokens since the piece before."""


class GrowingAnswer:
    """The answer to one input. It draws from a generator of its own, so it does not depend on other answers."""

    def __init__(
        self,
        backbone: FrozenBackbone,
        given: TextInput,
        on_piece: OnPiece = lambda *_: None,
        on_end: Callable[[GrowingAnswer], None] = lambda _: None,
    ) -> None:
        self.given = given
        self.tokens: list[int] = []
        """Without the one that ended it."""
        self.finish: Literal["", "stop", "length"] = ""
        """Why it has ended: by its own end or a stop, or by its limit; "" while it goes on."""
        self.cancelled = False
        """Set from any thread: nobody waits for it any more."""
        self._ends = frozenset(backbone.end_ids)
        self._pieces = TextPieces(backbone.tokenizer, given.stops)
        self._on_piece, self._on_end = on_piece, on_end
        self._scores: list[TokenScore] = []
        sampling = given.sampling
        self._generator = torch.Generator(backbone.device).manual_seed(sampling.seed) if sampling.temperature else None

    @property
    def text(self) -> str:
        """What is certain of it; all of it once it has ended."""
        return self._pieces.text

    @property
    def ended(self) -> bool:
        """Whether no further token is wanted."""
        return bool(self.finish) or self.cancelled

    def take(self, likeliest: int, logits: Tensor) -> None:
        """Chooses the next token. likeliest: the one that greedy choice takes; logits: (vocabulary,), float32."""
        token = likeliest if self._generator is None else self._drawn(logits)
        if token in self._ends:
            self._end("stop")
            return
        if self.given.top is not None:
            self._scores.append(self._score(token, logits, self.given.top))
        self.tokens.append(token)
        if piece := self._pieces.take(token):
            self._give(piece)
        if self._pieces.stopped:
            self._end("stop")
        elif len(self.tokens) >= self.given.limit:
            self._end("length")

    def _end(self, finish: Literal["stop", "length"]) -> None:
        piece = self._pieces.end()
        if self._pieces.stopped:
            finish = "stop"
        if piece or self._scores:
            self._give(piece)
        self.finish = finish
        self._on_end(self)

    def _give(self, piece: str) -> None:
        scores, self._scores = self._scores, []
        self._on_piece(piece, scores)

    def _drawn(self, logits: Tensor) -> int:
        """As transformers draws for a batch of this row alone from the same seed."""
        sampling, row = self.given.sampling, logits.unsqueeze(0)
        unread = row.new_zeros(1, 0, dtype=torch.long)
        for warper in (TemperatureLogitsWarper(float(sampling.temperature)), TopPLogitsWarper(float(sampling.top_p))):
            row = warper(unread, row)
        return int(torch.multinomial(row.softmax(dim=1), 1, generator=self._generator))

    def _score(self, token: int, logits: Tensor, top: int) -> TokenScore:
        shares = logits.log_softmax(dim=0).clamp(min=_LEAST)
        values, ids = shares.topk(min(top, len(shares)))
        likeliest = tuple(zip(ids.tolist(), values.tolist(), strict=True))
        return TokenScore(token, float(shares[token]), likeliest, self._pieces.length)


def choose_next(answers: Sequence[GrowingAnswer], logits: Tensor) -> None:
    """Gives each answer its next token, from logits (answers, vocabulary)."""
    logits = logits.float()
    for answer, likeliest, row in zip(answers, logits.argmax(dim=1).tolist(), logits, strict=True):
        if not answer.ended:
            answer.take(likeliest, row)
