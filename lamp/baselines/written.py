"""Baselines without training: a text before every input, either an instruction or answered examples."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import zip_longest

import torch
from torch import Tensor

from lamp.backbone.frozen import FrozenBackbone
from lamp.data.conversation import readable
from lamp.data.encoding import Encoded, Encoder
from lamp.data.splits import Example
from lamp.errors import DataError
from lamp.inference.evaluate import HeldOut

_MOST_EXAMPLES = 16
_MOST_TOKENS = 2048
"""Limit on the tokens of all examples together."""
_MOST_LOOKED_AT = 10 * _MOST_EXAMPLES
"""Limit on the rows that are searched for examples that are short enough."""
_GAP = "\n\n"


def instruction_text(instruction: str) -> str:
    """Returns the text before an input when the model only gets an instruction."""
    return instruction.strip() + _GAP


def examples_text(
    backbone: FrozenBackbone, train: Sequence[Example], rows: Sequence[Encoded], seed: int
) -> tuple[str, int]:
    """Returns the answered examples as a text before an input, and their number: as many as fit, at most 16.

    rows: those that will be read behind them. Raises DataError if not even one example fits.
    """
    room = _MOST_TOKENS
    if backbone.longest_sequence is not None:
        longest = max(len(row.input_ids) if backbone.is_encoder_decoder else row.length for row in rows)
        room = min(room, backbone.longest_sequence - longest)
    chosen: list[str] = []
    for index in _in_turn([example.target for example in train], seed)[:_MOST_LOOKED_AT]:
        text = _answered(train[index])
        length = count_tokens(backbone, text)
        if length <= room:
            chosen.append(text)
            room -= length
        if len(chosen) == _MOST_EXAMPLES:
            break
    if not chosen:
        raise DataError("Not even one training row fits before an input of this backbone: lower the longest input.")
    random.Random(seed).shuffle(chosen)  # the model should not learn the turns of the labels
    return "".join(chosen), len(chosen)


def _in_turn(targets: Sequence[str], seed: int) -> list[int]:
    """Returns the indices of all rows in random order, such that targets alternate as long as possible."""
    by_target: dict[str, list[int]] = defaultdict(list)
    order = list(range(len(targets)))
    random.Random(seed).shuffle(order)
    for index in order:
        by_target[targets[index]].append(index)
    return [index for turn in zip_longest(*by_target.values()) for index in turn if index is not None]


def _answered(example: Example) -> str:
    text = readable(example.text)
    gap = "" if text[-1:].isspace() else " "
    return f"{text}{gap}{example.target}{_GAP}"


def count_tokens(backbone: FrozenBackbone, text: str) -> int:
    """Returns the number of tokens of a text before an input."""
    return len(backbone.tokenizer(text, add_special_tokens=False).input_ids)


def read_behind(
    backbone: FrozenBackbone, encoder: Encoder, text: str, rows: HeldOut
) -> tuple[Tensor, Encoder, HeldOut]:
    """Prepares the rows with a text before each for `evaluate`: (virtual tokens, encoder, rows).

    Each row is encoded as a whole: its input truncated as without the text, and a chat template around both. The tokens
    that all rows start with are returned as their embeddings, which a causal model reads once for all rows: they are
    the model's own, so the answers are those to the whole text. Behind a text a conversation is one message, with the
    role of each turn on a line before it.
    """
    longest = encoder.config.max_input_tokens + count_tokens(backbone, text)
    longer = Encoder(
        backbone.tokenizer,
        is_encoder_decoder=backbone.is_encoder_decoder,
        config=replace(encoder.config, max_input_tokens=longest),
        labels=rows.labels,
        chat=encoder.chat,
    )
    encoded = longer.encode([replace(example, text=text + readable(example.text)) for example in rows.examples])
    shared = list(_shared([row.input_ids for row in encoded]))
    rest = [Encoded(row.input_ids[len(shared) :], row.target_ids) for row in encoded]
    with torch.no_grad():
        virtual = backbone.embed(torch.tensor(shared, dtype=torch.long, device=backbone.device)).float()
    return virtual, longer, HeldOut(rows.examples, rest, rows.labels)


def _shared(rows: Sequence[Sequence[int]]) -> Iterator[int]:
    """Yields the tokens that all rows start with; each row has at least one more."""
    shortest = min(map(len, rows))
    for tokens in zip(*(row[: shortest - 1] for row in rows), strict=True):
        if len(set(tokens)) > 1:
            return
        yield tokens[0]
