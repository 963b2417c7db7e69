"""Pads batches to a few fixed shapes, so that each shape can be recorded as one CUDA graph."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch

from lamp.backbone.batch import Batch
from lamp.backbone.frozen import FrozenBackbone


@dataclass(frozen=True)
class Room:
    """The most columns that a batch may have before a backbone has to check its masks against its positions.

    The check waits for the device, and a recorded step must not wait.
    """

    inputs: float = math.inf
    targets: float = math.inf
    together: float = math.inf

    @classmethod
    def behind(cls, virtual_tokens: int, backbone: FrozenBackbone) -> Room:
        """Creates the limits that remain behind a prompt of `virtual_tokens`."""
        limit = math.inf if backbone.longest_sequence is None else backbone.longest_sequence - virtual_tokens
        if backbone.is_encoder_decoder:
            return cls(inputs=limit, targets=backbone.longest_target or math.inf)
        return cls(together=limit + 1)  # the last token of a target is not read

    def holds(self, batch: Batch) -> bool:
        """Returns whether the batch is within the limits."""
        inputs, targets = batch.input_ids.shape[1], batch.target_ids.shape[1]
        return inputs <= self.inputs and targets <= self.targets and inputs + targets <= self.together


def bucketed(batch: Batch, *, pad_left: bool, coarse: bool = False, room: Room = Room()) -> Batch:
    """Pads the batch so that batches of similar lengths get the same shape; the loss stays the same.

    Inputs grow to a multiple of 16 up to 128 tokens and to one of eight sizes an octave above, with `coarse` to a power
    of two from 32 on; targets grow to a power of two. Neither grows beyond the room. pad_left: whether the batch's
    inputs are padded on the left.
    """
    inputs, targets = batch.input_ids.shape[1], batch.target_ids.shape[1]
    octave = (inputs - 1).bit_length()
    step = 1 << max(5, octave) if coarse else max(16, 1 << max(0, octave - 3))
    left = room.together - inputs - targets
    more_targets = _at_most((1 << (targets - 1).bit_length()) - targets, room.targets - targets, left)
    more_inputs = _at_most(-inputs % step, room.inputs - inputs, left - more_targets)
    on_inputs = (more_inputs, 0) if pad_left else (0, more_inputs)
    pad = torch.nn.functional.pad
    return Batch(
        pad(batch.input_ids, on_inputs),
        pad(batch.input_mask, on_inputs),
        pad(batch.target_ids, (0, more_targets)),
        pad(batch.target_mask, (0, more_targets)),
        pad(batch.target_weights, (0, more_targets)),
    )


def _at_most(wanted: int, *room: float) -> int:
    return int(max(0, min(wanted, *room)))
