"""Training steps recorded as CUDA graphs and replayed: the card computes without waiting for Python's launches.

A step of a small model is bound by its thousands of kernel launches, not by what they compute. A CUDA graph records
the launches of a whole step (forward, backward, clipping, optimizer) for one shape of batch and replays them at once.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, Protocol

import torch
from torch import Tensor

from lamp.backbone.batch import Batch
from lamp.backbone.out_of_memory import is_out_of_memory
from lamp.errors import first_line

Measured = tuple[Tensor, Tensor]
"""Losses and gradient norms of a step, both (prompts,) on the device."""

_WARM_UP = 2
"""Steps before a recording: libraries choose their kernels and workspaces in the first ones."""


_CLOSE = 0.05
"""How far a recorded step's loss may be from that of the same step launched by Python, relative and absolute: other
kernels may be chosen, and round differently."""


class Recorder(Protocol):
    """Records what a function launches."""

    def record(self, body: Callable[[], Measured]) -> Callable[[], Measured]:
        """Calls `body` once and returns what repeats it on the same memory. Raises RuntimeError where it cannot."""

    def seconds(self, replay: Callable[[], Measured]) -> float:
        """How long one replay takes."""


class CudaRecorder:
    """Records CUDA graphs that share one pool of memory: they are replayed one after the other."""

    def __init__(self) -> None:
        self._pool: Any = None

    def record(self, body: Callable[[], Measured]) -> Callable[[], Measured]:
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph, pool=self._pool):
            measured = body()
        self._pool = graph.pool()

        def replay() -> Measured:
            graph.replay()
            return measured

        return replay

    def seconds(self, replay: Callable[[], Measured]) -> float:
        taken = []
        for _ in range(5):
            torch.cuda.synchronize()
            began = time.perf_counter()
            replay()
            torch.cuda.synchronize()
            taken.append(time.perf_counter() - began)
        return min(taken)


@dataclass(frozen=True)
class _Recording:
    """A step of one shape."""

    batch: Batch
    """The memory that the recorded step reads; a new batch is copied into it."""
    replay: Callable[[], Measured]


class StepGraphs:
    """The recorded steps of one trainer, a recording for each shape of batch that came more than once."""

    def __init__(
        self,
        ways: Sequence[Callable[[Batch], Measured]],
        tensors: Callable[[], Mapping[str, Tensor]],
        recorder: Recorder,
        log_line: Callable[[str], None],
    ) -> None:
        """ways: functions that take one whole step, without any read of a result; all do the same in another way.

        tensors: all that a step changes, by name.
        """
        self.way: int | None = None if len(ways) > 1 else 0
        """Index of the way that is recorded: the fastest one at the first recording; None before it."""
        self._ways, self._tensors, self._recorder, self._log_line = ways, tensors, recorder, log_line
        self._recordings: dict[tuple[int, ...], _Recording] = {}
        self._seen: Counter[tuple[int, ...]] = Counter()
        self.usable = True
        """False once a recording has failed: all steps are eager from then on."""

    def reset(self) -> None:
        """Drops all recordings and what was learned from them: other prompts are trained from now on."""
        self._recordings.clear()
        self._seen.clear()
        self.way, self.usable = None if len(self._ways) > 1 else 0, True

    def state(self) -> dict[str, Any]:
        """What a resumed run must know to take the same steps in the same way, as JSON can hold it."""
        return {"way": self.way, "seen": [[*shape, count] for shape, count in self._seen.items()]}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Goes on from what `state` gave."""
        self.way = state["way"]
        self._seen = Counter({tuple(shape): count for *shape, count in state["seen"]})

    def step(self, batch: Batch) -> Measured | None:
        """Takes one step on the batch by a recording; None when this step is to be taken eagerly.

        A shape is recorded when it comes for the second time. Where recording fails, everything is as before, the log
        says so once, and all steps are eager from then on.
        """
        shape = (*batch.input_ids.shape, *batch.target_ids.shape)
        self._seen[shape] += 1
        if self._seen[shape] < 2:
            return None
        if shape not in self._recordings:
            recording = self._record(batch)
            if recording is None:
                return None
            self._recordings[shape] = recording
        recording = self._recordings[shape]
        for field in fields(Batch):
            getattr(recording.batch, field.name).copy_(getattr(batch, field.name), non_blocking=True)
        return recording.replay()

    def _record(self, batch: Batch) -> _Recording | None:
        """Records the fastest way, or the one that was chosen before; None when none can be recorded."""
        static = Batch(*(getattr(batch, field.name).clone() for field in fields(Batch)))
        before = {name: tensor.detach().clone() for name, tensor in self._tensors().items()}
        replays, reasons = {}, []
        for way in range(len(self._ways)) if self.way is None else [self.way]:
            try:
                replays[way] = self._record_way(self._ways[way], static, before)
            except RuntimeError as error:
                small = is_out_of_memory(error)
                reasons.append("the memory is too small for it" if small else first_line(error)[:200].rstrip("."))
            self._put_back(before)
        if not replays:
            self._give_up(reasons[0])
        elif self.way is None:
            self.way = min(replays, key=lambda way: self._recorder.seconds(replays[way]))
            self._put_back(before)
        return _Recording(static, replays[self.way]) if self.way in replays else None

    def _record_way(
        self, take_step: Callable[[Batch], Measured], static: Batch, before: Mapping[str, Tensor]
    ) -> Callable[[], Measured]:
        """A recording whose first replay has given the loss that the same step gave when it was launched by Python."""
        launched: list[Tensor] = []
        _on_side_stream(lambda: launched.extend(take_step(static)[0].clone() for _ in range(_WARM_UP)))
        replay = self._recorder.record(lambda: take_step(static))
        self._put_back(before)
        if not torch.allclose(replay()[0].float(), launched[0].float(), rtol=_CLOSE, atol=_CLOSE, equal_nan=True):
            raise RuntimeError("a recorded step had another loss than the same step launched one by one")
        return replay

    def _put_back(self, before: Mapping[str, Tensor]) -> None:
        """Undoes all steps since `before` was copied from the tensors that a step changes."""
        with torch.no_grad():
            for name, tensor in self._tensors().items():
                if name in before:
                    tensor.copy_(before[name])
                else:  # an optimizer's state comes with its first step, and begins with zeros
                    tensor.zero_()

    def _give_up(self, reason: str) -> None:
        self.usable = False
        self._recordings.clear()
        self._log_line(f"Steps are not recorded as CUDA graphs ({reason}): they take longer, and are as exact.")


def bucketed(batch: Batch, *, pad_left: bool, coarse: bool = False) -> Batch:
    """The batch padded so that batches of similar lengths have one shape; the loss is the same.

    Inputs grow to a multiple of 16 up to 128 tokens and to one of eight sizes an octave above, with `coarse` to a power
    of two from 32 on; targets to a power of two. pad_left: on which side the batch's inputs are padded.
    """
    inputs, targets = batch.input_ids.shape[1], batch.target_ids.shape[1]
    octave = (inputs - 1).bit_length()
    step = 1 << max(5, octave) if coarse else max(16, 1 << max(0, octave - 3))
    more_inputs, more_targets = -inputs % step, (1 << (targets - 1).bit_length()) - targets
    on_inputs = (more_inputs, 0) if pad_left else (0, more_inputs)
    pad = torch.nn.functional.pad
    return Batch(
        pad(batch.input_ids, on_inputs),
        pad(batch.input_mask, on_inputs),
        pad(batch.target_ids, (0, more_targets)),
        pad(batch.target_mask, (0, more_targets)),
        pad(batch.target_weights, (0, more_targets)),
    )


def _on_side_stream(work: Callable[[], object]) -> None:
    """Runs `work` on a stream of its own, as PyTorch asks of what comes before a recording."""
    if not torch.cuda.is_available():
        work()
        return
    stream = torch.cuda.Stream()  # type: ignore[no-untyped-call]  # torch's
    stream.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(stream):
        work()
    torch.cuda.current_stream().wait_stream(stream)
