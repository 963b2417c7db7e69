"""Continuous batching: writes many answers in one batch, which each answer can join and leave at any step."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from transformers import LogitsProcessor

from lamp.backbone.frozen import FrozenBackbone
from lamp.backbone.prefix import longest_prompt
from lamp.backbone.rows import Rows, begin_rows, join_rows, keep_rows, read_token
from lamp.backbone.rows_probe import rows_may_join
from lamp.backbone.writing import write
from lamp.data.encoding import Encoder
from lamp.inference.growing_answer import GrowingAnswer, choose_next


class ContinuousWriter:
    """Writes answers with one backbone, all of them in one batch."""

    def __init__(self, backbone: FrozenBackbone, encoder: Encoder) -> None:
        """encoder: the encoder of any prompt; it only pads inputs."""
        self._backbone, self._encoder = backbone, encoder
        self.joins = rows_may_join(backbone)
        """Whether answers may join a running batch; else each batch is written to its end before the next one."""
        self.answers: list[GrowingAnswer] = []
        self._rows: Rows | None = None

    def has_room(self, answer: GrowingAnswer, beside: Sequence[GrowingAnswer] = ()) -> bool:
        """Returns whether an answer can start now, together with the answers `beside` that start at the same time."""
        backbone, beginning = self._backbone, [*beside, answer]
        prompt = longest_prompt([one.given.prefix for one in beginning])
        columns = prompt + max(len(one.given.ids) for one in beginning)
        if not self.joins:
            columns += max(one.given.limit for one in beginning)
            limit = None if backbone.is_encoder_decoder else backbone.longest_sequence
            return not beside or limit is None or columns <= limit
        if self._rows is not None:
            columns = max(columns, self._rows.mask.shape[1])
        left = max(one.given.limit - len(one.tokens) for one in [*self.answers, *beginning])
        # One more: a cache of an attention window drops its first column when it is full.
        return backbone.is_encoder_decoder or backbone.shares_prompts(columns + left + 1)

    @torch.inference_mode()
    def begin(self, answers: Sequence[GrowingAnswer]) -> None:
        """Reads the inputs of answers for which there is room, and writes their first tokens.

        If reading fails, for example because memory runs out, nothing has changed.
        """
        rows, logits = begin_rows(self._backbone, [one.given.prefix for one in answers], *self._inputs(answers))
        self._rows = rows if self._rows is None else join_rows(self._backbone, self._rows, rows)
        self.answers += answers
        choose_next(answers, logits)
        self._remove_ended()

    @torch.inference_mode()
    def step(self) -> None:
        """Writes the next token of every answer."""
        self._remove_ended()
        if self._rows is None:
            return
        tokens = torch.tensor([one.tokens[-1] for one in self.answers], device=self._backbone.device)
        self._rows, logits = read_token(self._backbone, self._rows, tokens)
        choose_next(self.answers, logits)
        self._remove_ended()

    @torch.inference_mode()
    def write_to_the_end(self, answers: Sequence[GrowingAnswer]) -> None:
        """Writes a whole batch that no other answer joins, where joining would not be exact: for some backbones and
        lengths."""
        limit = max(one.given.limit for one in answers)
        prefixes = [one.given.prefix for one in answers]
        chooser = _Chooser(answers, self._backbone.end_ids[0])
        write(self._backbone, prefixes, *self._inputs(answers), limit, watcher=chooser)

    def clear(self) -> None:
        """Drops all answers."""
        self.answers, self._rows = [], None

    def _inputs(self, answers: Sequence[GrowingAnswer]) -> tuple[Tensor, Tensor]:
        return self._encoder.pad_inputs([one.given.ids for one in answers], self._backbone.device)

    def _remove_ended(self) -> None:
        """Removes the answers that have ended from the batch."""
        going = [index for index, one in enumerate(self.answers) if not one.ended]
        if len(going) == len(self.answers):
            return
        self.answers = [self.answers[index] for index in going]
        self._rows = keep_rows(self._backbone, self._rows, going) if going and self._rows is not None else None


class _Chooser(LogitsProcessor):
    """Chooses the next token of each answer, and rules out every other token for transformers."""

    def __init__(self, answers: Sequence[GrowingAnswer], end: int) -> None:
        self._answers, self._end = answers, end

    def __call__(self, input_ids: Tensor, scores: Tensor) -> Tensor:
        choose_next(self._answers, scores)
        tokens = [self._end if one.ended else one.tokens[-1] for one in self._answers]
        scores.fill_(-torch.inf)
        return scores.scatter_(1, torch.tensor(tokens, device=scores.device).unsqueeze(1), 0.0)
