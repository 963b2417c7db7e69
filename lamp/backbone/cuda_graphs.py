"""CUDA graphs: record the kernels that a function launches once, and replay them without Python."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, Protocol, TypeVar
from weakref import WeakSet

import torch

Result = TypeVar("Result")


class Recorder(Protocol[Result]):
    """Records the kernels that a function launches."""

    def record(self, body: Callable[[], Result]) -> Callable[[], Result]:
        """Calls `body` once and returns a function that repeats it on the same memory.

        Raises RuntimeError if it cannot.
        """


class CudaRecorder:
    """Records CUDA graphs that share one memory pool, which is safe because they are replayed one after the other."""

    def __init__(self) -> None:
        self._pool: Any = None
        self._alive: WeakSet[Any] = WeakSet()

    def record(self, body: Callable[[], Result]) -> Callable[[], Result]:
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph, pool=self._pool if self._alive else None):  # a pool ends with its last graph
            result = body()
        self._pool = graph.pool()
        self._alive.add(graph)

        def replay() -> Result:
            graph.replay()
            return result

        return replay

    def seconds(self, replay: Callable[[], object]) -> float:
        """Returns the seconds of one replay."""
        taken = []
        for _ in range(5):
            torch.cuda.synchronize()
            began = time.perf_counter()
            replay()
            torch.cuda.synchronize()
            taken.append(time.perf_counter() - began)
        return min(taken)


def on_side_stream(work: Callable[[], object]) -> None:
    """Runs `work` on a stream of its own, which PyTorch requires of the warm-up before a recording."""
    if not torch.cuda.is_available():
        work()
        return
    stream = torch.cuda.Stream()  # type: ignore[no-untyped-call]  # torch's
    stream.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(stream):
        work()
    torch.cuda.current_stream().wait_stream(stream)
