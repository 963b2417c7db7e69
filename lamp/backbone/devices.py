"""The device that this process computes on, and its rank among the processes that train together."""

from __future__ import annotations

import torch
from accelerate import PartialState
from accelerate.utils import parse_flag_from_env


def default_device() -> torch.device:
    """The current CUDA device, else Apple's MPS, else the CPU."""
    if torch.cuda.is_available():
        return torch.device("cuda", torch.cuda.current_device())
    if torch.backends.mps.is_available():
        return torch.device("mps")
    return torch.device("cpu")


def process_state() -> PartialState:
    """Returns this process's rank, the number of processes that train together, and this process's device.

    On the CPU (without an accelerator, or when the launcher asks for it) accelerate needs the flag `cpu`. Without the
    flag, each of several processes would act as if it trained alone.
    """
    return PartialState(cpu=parse_flag_from_env("ACCELERATE_USE_CPU") or default_device().type == "cpu")
