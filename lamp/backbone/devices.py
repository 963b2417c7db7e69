"""Which device this process computes on, and its place among the processes that train together."""

from __future__ import annotations

import torch
from accelerate import PartialState
from accelerate.utils import parse_flag_from_env


def default_device() -> torch.device:
    """The first accelerator that is there, otherwise the CPU."""
    if torch.cuda.is_available():
        return torch.device("cuda", torch.cuda.current_device())
    if torch.backends.mps.is_available():
        return torch.device("mps")
    return torch.device("cpu")


def process_state() -> PartialState:
    """This process among those that train together, and its device.

    accelerate has to be told of the CPU: with no accelerator, or when the launcher asks for the CPU, it would otherwise
    take each of several processes to be alone.
    """
    return PartialState(cpu=parse_flag_from_env("ACCELERATE_USE_CPU") or default_device().type == "cpu")
