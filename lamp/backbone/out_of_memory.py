"""Recognises errors that mean that memory ran out, on a GPU or a CPU, and raises OutOfMemory instead."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from lamp.errors import OutOfMemory

_ON_CPU = ("DefaultCPUAllocator", "Cannot allocate memory")
"""Texts in the errors of failed allocations on a CPU, and of weights that cannot be mapped: torch raises plain
RuntimeErrors."""


def is_out_of_memory(error: BaseException) -> bool:
    """Returns whether an error means that memory ran out, on a GPU or a CPU."""
    return isinstance(error, torch.OutOfMemoryError | MemoryError) or (
        isinstance(error, RuntimeError) and any(words in str(error) for words in _ON_CPU)
    )


@contextmanager
def out_of_memory() -> Iterator[None]:
    """Raises OutOfMemory in place of an error that means that memory ran out, so that callers need not import torch."""
    try:
        yield
    except (RuntimeError, MemoryError) as error:
        if not is_out_of_memory(error):
            raise
        raise OutOfMemory("The memory is too short for this backbone: choose a smaller one.") from error
