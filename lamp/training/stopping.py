"""How a run is asked to end early: in all of its processes after the same step."""

from __future__ import annotations

import torch
from accelerate.utils import reduce

from lamp.backbone.devices import process_state


class StopRequested(Exception):
    """Somebody wants the run to end; raised between two steps, or between two batches of an evaluation."""


def any_process(stop: bool) -> bool:
    """Whether any process wants to stop: all must leave the loop at the same step, or the others wait for ever."""
    state = process_state()
    if state.num_processes == 1:
        return stop
    return bool(reduce(torch.tensor(float(stop), device=state.device)).item())
