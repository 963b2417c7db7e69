"""torch.compile for a backbone's forward pass."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from lamp.errors import TrainingError, first_line


def compiled(module: torch.nn.Module) -> Callable[..., Any]:
    """Returns a function that calls `module` compiled for batches of any size; `module` itself is not changed.

    The first call compiles it, and raises TrainingError if that fails, for example without a C++ compiler.
    """
    from torch._dynamo.exc import TorchDynamoException  # imported here because it takes a second and few runs compile

    inner = torch.compile(module, dynamic=True)

    def call(*args: Any, **kwargs: Any) -> Any:
        try:
            return inner(*args, **kwargs)
        except TorchDynamoException as error:
            reason = first_line(error)[:200].rstrip(".")
            raise TrainingError(
                f"The backbone cannot be compiled on this machine ({reason}): switch Compile off and start again."
            ) from error

    return call
