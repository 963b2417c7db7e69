"""Tests with two short rows whether rows may join and leave a batch between its steps (lamp/backbone/rows.py)."""

from __future__ import annotations

import torch
from torch import Tensor

from lamp.backbone.frozen import FrozenBackbone
from lamp.backbone.out_of_memory import is_out_of_memory
from lamp.backbone.prefix import Prefix, inference_prefix
from lamp.backbone.probe import ordinary_ids
from lamp.backbone.reading import read_inputs
from lamp.backbone.rounding import distance, tolerance
from lamp.backbone.rows import Rows, begin_rows, join_rows, keep_rows, read_token

_INPUTS = (8, 2)
"""Tokens of the two inputs."""
_TOKENS = 6
"""Tokens of each answer."""
_APART = 2
"""Steps between the starts of the two answers."""


@torch.inference_mode()
def rows_may_join(backbone: FrozenBackbone) -> bool:
    """Returns whether a row that joins or leaves a batch between two steps has the same logits as alone.

    Raises errors that mean that memory ran out.
    """
    if not backbone.is_encoder_decoder and not backbone.shares_prompts():
        return False
    try:
        return _Probe(backbone).is_exact()
    except Exception as error:  # of transformers' own code for each family, which may raise anything
        if is_out_of_memory(error):
            raise
        return False


class _Probe:
    def __init__(self, backbone: FrozenBackbone) -> None:
        self._backbone = backbone
        ids = iter(ordinary_ids(backbone, 4 + sum(_INPUTS) + 2 * _TOKENS))

        def next_ids(count: int) -> Tensor:
            return torch.tensor([[next(ids) for _ in range(count)]], device=backbone.device)

        prompt = backbone.embed(next_ids(4))[0].float().view(2, 2, -1).mean(dim=1)
        self._prefixes = [inference_prefix(backbone, prompt), inference_prefix(backbone, None)]
        self._inputs = [next_ids(length) for length in _INPUTS]
        self._answers = [next_ids(_TOKENS) for _ in _INPUTS]

    def is_exact(self) -> bool:
        """Returns whether the rows, started in either order, have the same logits as each row alone."""
        wanted = [self._alone(row) for row in range(2)]
        noise = max(distance(self._alone(row, copies=2), wanted[row]) for row in range(2))
        bound = tolerance(self._backbone.dtype, quantised=self._backbone.is_quantized, noise=noise)
        got = [self._together(first) for first in range(2)]
        return all(distance(logits[row], wanted[row]) <= bound for logits in got for row in range(2))

    def _alone(self, row: int, copies: int = 1) -> Tensor:
        """Returns the logits of one answer (_TOKENS + 1, vocabulary), read in an exact way (lamp/backbone/probe.py)."""
        prefixes: list[Prefix] = [self._prefixes[row]] * copies
        ids, read = self._inputs[row].repeat(copies, 1), self._answers[row]
        first, read_on = read_inputs(self._backbone, prefixes, ids, torch.ones_like(ids), _TOKENS)
        return torch.cat([first[:1], read_on(read, torch.ones_like(read))[0]])

    def _together(self, first: int) -> list[Tensor]:
        """Returns these logits for both answers if `first` starts earlier and the other one continues after it."""
        backbone, second = self._backbone, 1 - first
        logits: list[list[Tensor]] = [[], []]

        def begin(row: int) -> Rows:
            ids = self._inputs[row]
            rows, after = begin_rows(backbone, [self._prefixes[row]], ids, torch.ones_like(ids))
            logits[row].append(after[0])
            return rows

        def token(row: int) -> Tensor:
            return self._answers[row][0, len(logits[row]) - 1]

        rows, order = begin(first), [first]
        while order:
            if len(logits[first]) == 1 + _APART and not logits[second]:
                rows, order = join_rows(backbone, rows, begin(second)), [first, second]
            rows, after = read_token(backbone, rows, torch.stack([token(row) for row in order]))
            for index, row in enumerate(order):
                logits[row].append(after[index])
            going = [index for index, row in enumerate(order) if len(logits[row]) <= _TOKENS]
            if going and len(going) < len(order):
                rows = keep_rows(backbone, rows, going)
            order = [order[index] for index in going]
        return [torch.stack(of_row) for of_row in logits]
