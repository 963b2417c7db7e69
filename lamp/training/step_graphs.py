"""Training steps recorded as CUDA graphs and replayed: the GPU computes without waiting for Python's launches.

A step of a small model is limited by its thousands of kernel launches, not by what they compute. A CUDA graph records
the launches of a whole step (forward, backward, clipping, optimizer) for one shape of batch and replays them at once.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, Protocol

import torch
from torch import Tensor

from lamp.backbone.batch import Batch
from lamp.backbone.cuda_graphs import Recorder, on_side_stream
from lamp.backbone.out_of_memory import is_out_of_memory
from lamp.errors import first_line

Measured = tuple[Tensor, Tensor]
"""Losses and gradient norms of a step, both (prompts,) on the device."""

_WARM_UP = 2
"""Steps before a recording: libraries choose their kernels and workspaces in the first ones."""
_CLEARLY_FASTER = 0.9
"""The fastest way replaces the first one only if it needs less than this share of its time.

Between equally fast ways chance would choose, and repeated runs would round differently.
"""
_CLOSE = 0.05
"""Largest difference, relative and absolute, between the loss of a recorded step and of the same step launched by
Python.

Other kernels may be chosen, which round differently.
"""


class StepRecorder(Recorder[Measured], Protocol):
    """Records steps, and times their replays."""

    def seconds(self, replay: Callable[[], Measured]) -> float:
        """Returns the seconds of one replay."""


@dataclass(frozen=True)
class _Recording:
    """The recorded step for one shape of batch."""

    batch: Batch
    """Memory that the recorded step reads; each new batch is copied into it."""
    replay: Callable[[], Measured]


class StepGraphs:
    """The recorded steps of one trainer: one recording for each batch shape that occurred more than once."""

    def __init__(
        self,
        ways: Sequence[Callable[[Batch], Measured]],
        tensors: Callable[[], Mapping[str, Tensor]],
        recorder: StepRecorder,
        log_line: Callable[[str], None],
    ) -> None:
        """ways: functions that each take one whole step without reading a result back; all compute the same in
        different ways.

        tensors: all that a step changes, by name.
        """
        self.way: int | None = None if len(ways) > 1 else 0
        """Index of the way that is recorded, chosen by time at the first recording; None before it."""
        self._ways, self._tensors, self._recorder, self._log_line = ways, tensors, recorder, log_line
        self._recordings: dict[tuple[int, ...], _Recording] = {}
        self._seen: Counter[tuple[int, ...]] = Counter()
        self.usable = True
        """False after a recording has failed: from then on all steps are eager."""
        self._possible = True
        """False if recording failed for another reason than memory, so that fewer prompts would not help."""
        self._said = False

    def reset(self) -> None:
        """Drops all recordings and the chosen way, because other prompts are trained from now on.

        A backbone that cannot be recorded is not tried again.
        """
        self._recordings.clear()
        self._seen.clear()
        self.way, self.usable = None if len(self._ways) > 1 else 0, self._possible

    def state(self) -> dict[str, Any]:
        """Returns what a resumed run needs to take the same steps in the same way, as JSON can hold it."""
        seen = [[*shape, count] for shape, count in self._seen.items()]
        state = {"usable": self.usable, "possible": self._possible, "said": self._said}
        return {"way": self.way, "seen": seen, **state}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Continues from what `state` returned."""
        self.way = state["way"]
        self._seen = Counter({tuple(shape): count for *shape, count in state["seen"]})
        # Checkpoints of earlier versions do not tell whether a recording has failed.
        self.usable, self._possible = state.get("usable", True), state.get("possible", True)
        self._said = state.get("said", False)

    def step(self, batch: Batch) -> Measured | None:
        """Takes one step on the batch by replaying a recording; None if the step must be computed eagerly.

        A shape is recorded when it occurs for the second time. If recording fails, the state before it is restored, the
        log says so once, and all steps are eager from then on.
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
        """Records the fastest way, or the one chosen before; None if none can be recorded."""
        static = Batch(*(getattr(batch, field.name).clone() for field in fields(Batch)))
        before = {name: tensor.detach().clone() for name, tensor in self._tensors().items()}
        replays, reasons = {}, {}
        for way in range(len(self._ways)) if self.way is None else [self.way]:
            try:
                replays[way] = self._record_way(self._ways[way], static, before)
            except RuntimeError as error:
                small = is_out_of_memory(error)
                reason = "the memory is too small for it" if small else first_line(error)[:200].rstrip(".")
                reasons[reason] = small
            self._put_back(before)
        if not replays:
            self._give_up(next(iter(reasons)), possible=any(reasons.values()))
        elif self.way is None:
            seconds = {way: self._recorder.seconds(replay) for way, replay in replays.items()}
            fastest, first = min(seconds, key=seconds.__getitem__), min(seconds)
            self.way = fastest if seconds[fastest] < _CLEARLY_FASTER * seconds[first] else first
            self._put_back(before)
        return _Recording(static, replays[self.way]) if self.way in replays else None

    def _record_way(
        self, take_step: Callable[[Batch], Measured], static: Batch, before: Mapping[str, Tensor]
    ) -> Callable[[], Measured]:
        """Records one way, and returns it if its first replay gives the same loss as the step launched by Python."""
        launched: list[Tensor] = []
        on_side_stream(lambda: launched.extend(take_step(static)[0].clone() for _ in range(_WARM_UP)))
        replay = self._recorder.record(lambda: take_step(static))
        self._put_back(before)
        if not torch.allclose(replay()[0].float(), launched[0].float(), rtol=_CLOSE, atol=_CLOSE, equal_nan=True):
            raise RuntimeError("a recorded step had another loss than the same step launched one by one")
        return replay

    def _put_back(self, before: Mapping[str, Tensor]) -> None:
        """Undoes all steps since `before` was copied."""
        with torch.no_grad():
            for name, tensor in self._tensors().items():
                if name in before:
                    tensor.copy_(before[name])
                else:  # an optimizer's state comes with its first step, and begins with zeros
                    tensor.zero_()

    def _give_up(self, reason: str, *, possible: bool) -> None:
        self.usable, self._possible = False, possible
        self._recordings.clear()
        if not self._said:
            self._log_line(f"Steps are not recorded as CUDA graphs ({reason}): they take longer, and are as exact.")
        self._said = True
