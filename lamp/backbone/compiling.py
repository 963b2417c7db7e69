"""A backbone's forward pass, compiled by torch.compile for the machine that it runs on."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from lamp.errors import TrainingError, first_line


def compiled(module: torch.nn.Module) -> Callable[..., Any]:
    """`module`, compiled at its first call for batches of any size; the module itself stays as it is.

    The call raises TrainingError where it cannot be compiled, as on a machine without a C++ compiler.
    """
    from torch._dynamo.exc import TorchDynamoException  # late: it costs a second, and few runs compile

    inner = torch.compile(module, dynamic=True)

    def call(*given: Any, **named: Any) -> Any:
        try:
            return inner(*given, **named)
        except TorchDynamoException as error:
            reason = first_line(error)[:200].rstrip(".")
            raise TrainingError(
                f"The backbone cannot be compiled on this machine ({reason}): switch Compile off and start again."
            ) from error

    return call
