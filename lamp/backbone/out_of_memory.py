"""torch's out-of-memory error as the package's own, so that callers need not import torch to catch it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from lamp.errors import OutOfMemory


@contextmanager
def out_of_memory() -> Iterator[None]:
    """Raises OutOfMemory in place of torch.OutOfMemoryError."""
    try:
        yield
    except torch.OutOfMemoryError as error:
        raise OutOfMemory("The memory is too short for this backbone: choose a smaller one.") from error
