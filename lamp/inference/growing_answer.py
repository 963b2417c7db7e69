"""One answer while it is written: its tokens, the choice of the next one, and its end."""

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
"""Replaces the log-probability minus infinity, which JSON cannot hold."""


@dataclass(frozen=True, eq=False)
class TextInput:
    """A request for a text: the input and how to answer it."""

    prefix: Prefix
    ids: tuple[int, ...]
    limit: int
    """The most tokens of the answer."""
    sampling: Sampling = GREEDY
    stops: tuple[str, ...] = ()
    """The answer ends before the first of these texts."""
    top: int | None = None
    """Number of likeliest tokens reported at each position, beside the chosen one; None for no scores at all."""


@dataclass(frozen=True)
class TokenScore:
    """The probability of a token of an answer, before temperature and top-p."""

    token: int
    log_probability: float
    likeliest: tuple[tuple[int, float], ...]
    """(token, log-probability), the likeliest first"""
    offset: int
    """Position of the token in the answer, in characters"""


OnPiece = Callable[[str, Sequence[TokenScore]], None]
"""Called with each new piece of a text, and the scores of the tokens since the last piece."""


class GrowingAnswer:
    """The answer to one input. Its random generator is its own, so it does not depend on other answers."""

    def __init__(
        self,
        backbone: FrozenBackbone,
        given: TextInput,
        on_piece: OnPiece = lambda *_: None,
        on_end: Callable[[GrowingAnswer], None] = lambda _: None,
    ) -> None:
        self.given = given
        self.tokens: list[int] = []
        """Tokens so far, without the one that ended the answer."""
        self.finish: Literal["", "stop", "length"] = ""
        """Why the answer ended: "stop" for an end token or a stop text, "length" for the limit; "" before that."""
        self.cancelled = False
        """Set from any thread when nobody waits for the answer any more."""
        self._ends = frozenset(backbone.end_ids)
        self._pieces = TextPieces(backbone.tokenizer, given.stops)
        self._on_piece, self._on_end = on_piece, on_end
        self._scores: list[TokenScore] = []
        sampling = given.sampling
        self._generator = torch.Generator(backbone.device).manual_seed(sampling.seed) if sampling.temperature else None

    @property
    def text(self) -> str:
        """The text so far, without characters that the next token may still change."""
        return self._pieces.text

    @property
    def ended(self) -> bool:
        """Whether the answer needs no further token."""
        return bool(self.finish) or self.cancelled

    def take(self, likeliest: int, logits: Tensor) -> None:
        """Chooses the next token. likeliest: the greedy choice; logits: (vocabulary,), float32."""
        token = likeliest if self._generator is None else self._draw(logits)
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

    def _draw(self, logits: Tensor) -> int:
        """Draws a token like transformers draws it for a batch of this row alone from the same seed."""
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
    """Chooses the next token of each answer from logits (answers, vocabulary)."""
    logits = logits.float()
    for answer, likeliest, row in zip(answers, logits.argmax(dim=1).tolist(), logits, strict=True):
        if not answer.ended:
            answer.take(likeliest, row)
