"""Ends a run early, in all of its processes after the same step."""

from __future__ import annotations

import torch
from accelerate.utils import reduce

from lamp.backbone.devices import process_state


class StopRequested(Exception):
    """The run was asked to end; raised between two steps, or between two batches of an evaluation."""


def any_process(stop: bool) -> bool:
    """Returns whether any process wants to stop: all must leave the loop at the same step, or the others would hang."""
    state = process_state()
    if state.num_processes == 1:
        return stop
    return bool(reduce(torch.tensor(float(stop), device=state.device)).item())
