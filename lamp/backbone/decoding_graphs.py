"""Decoding steps recorded as CUDA graphs and replayed: one more token of each row, without Python's launches.

With a small model, the speed of writing is limited by the kernel launches of each token, not by what they compute. A
step can be recorded if its memory stays at one address: keys and values are in a cache with a fixed number of columns,
which the mask opens one after the other. Only these steps are recorded; the inputs are read as usual for the first
logits.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass

import torch
from torch import Tensor

from lamp.backbone.cuda_graphs import Recorder, on_side_stream
from lamp.backbone.fixed_cache import FixedCache, bytes_of_column
from lamp.backbone.frozen import FrozenBackbone
from lamp.backbone.out_of_memory import is_out_of_memory
from lamp.backbone.prefix import Prefix, longest_prompt
from lamp.backbone.rounding import distance, tolerance
from lamp.backbone.rows import Rows, begin_rows, keep_rows, read_token
from lamp.errors import BackboneError, first_line

FEWEST_TOKENS = 8
"""Shorter texts are not worth a recording, which takes as long as about six tokens."""
_FEWEST_COLUMNS = 64
"""Caches have this number of columns times a power of two, so that there are few shapes."""
_WARM_UP = 2
"""Steps before a recording: libraries choose their kernels and workspaces in the first ones."""
_COMPARED = 2
"""Number of replayed steps that are compared with the same steps launched by Python.

A single one would not reveal a number, such as a position, that was recorded where a tensor was needed.
"""
_ATTENTION = ("sdpa", "eager")
"""Attention implementations that accept a mask to add to the scores."""

Read = Callable[[Tensor], Tensor]
"""Reads one more token of each row (rows,) and returns the next logits (rows, vocabulary), which the next call
overwrites."""


class DecodingGraphs:
    """The recorded decoding steps of one backbone, one for each number of rows and columns."""

    def __init__(self, backbone: FrozenBackbone, recorder: Callable[[], Recorder[Tensor]], most_bytes: int) -> None:
        """recorder: creates a recorder for each recording, so that its memory can be freed separately.

        most_bytes: limit on the keys and values of all recordings together. With a larger cache, the speed of a step is
        limited by the memory that it reads, and recording would not help.
        """
        self.reason = _obstacle(backbone)
        """Why steps are not replayed, as half a sentence; empty as long as they can be."""
        self._backbone, self._recorder, self._most_bytes = backbone, recorder, most_bytes
        self._recordings: dict[tuple[int, int], _Recording] = {}
        """Recordings by rows and columns, the most recently used one last."""
        self._too_large: set[tuple[int, int]] = set()
        self._weights: tuple[int, ...] = ()

    # PyTorch keeps a tensor for all graphs, which training could not use if it had been made in inference mode.
    @torch.inference_mode(False)
    @torch.no_grad()
    def begin(
        self, prefixes: Sequence[Prefix], ids: Tensor, mask: Tensor, new_tokens: int
    ) -> tuple[Tensor, Read] | None:
        """Reads inputs (rows, length) behind their prompts; returns the first logits (rows, vocabulary) and how to read
        on.

        Returns None if steps must be launched by Python: for few tokens, if memory is too small, and for a backbone
        that cannot be recorded or whose recorded steps gave other logits. No random numbers are drawn by then. Raises
        BackboneError if the backbone has too few positions.
        """
        columns = _FEWEST_COLUMNS
        while columns < longest_prompt(prefixes) + ids.shape[1] + max(new_tokens, _COMPARED):
            columns *= 2
        shape = (len(ids), columns)
        if self.reason or new_tokens < FEWEST_TOKENS or shape in self._too_large:
            return None
        device = self._backbone.device
        try:
            with torch.cuda.device(device) if device.type == "cuda" else nullcontext():
                return self._begin(shape, begin_rows(self._backbone, prefixes, ids, mask), new_tokens)
        except BackboneError:
            raise
        except Exception as error:  # of transformers' own code for each family, which may raise anything
            self._recordings.clear()
            if is_out_of_memory(error):
                self._too_large.add(shape)
            else:
                self.reason = first_line(error)[:200].rstrip(".")
        if device.type == "cuda":
            torch.cuda.empty_cache()
        return None

    def _begin(self, shape: tuple[int, int], begun: tuple[Rows, Tensor], new_tokens: int) -> tuple[Tensor, Read] | None:
        rows, first = begun
        self._backbone.check_length(rows.mask, new_tokens)
        self._forget_other_weights()
        recording = self._recordings.pop(shape, None)
        if recording is None:
            recording = self._record(shape, rows, first)
            if recording is None:
                return None
        else:
            recording.step.load(rows)
        self._recordings[shape] = recording
        return first, recording.read

    def _forget_other_weights(self) -> None:
        """Drops recordings that use the memory of other weights, for example after layers were replaced."""
        weights = tuple(parameter.data_ptr() for parameter in self._backbone.model.parameters())
        if weights != self._weights:
            self._recordings.clear()
            self._weights = weights

    def _record(self, shape: tuple[int, int], rows: Rows, first: Tensor) -> _Recording | None:
        """Returns a recording that has read the rows; None if its cache would be too large."""
        size = shape[1] * bytes_of_column(rows.cache)
        if size > self._most_bytes:
            self._too_large.add(shape)
            return None
        while sum(recording.size for recording in self._recordings.values()) + size > self._most_bytes:
            del self._recordings[next(iter(self._recordings))]
        step = _Step(self._backbone, rows, first, shape[1])
        step.load(rows)
        step.place(first.argmax(dim=1))
        on_side_stream(lambda: [step.compute() for _ in range(_WARM_UP)])
        recording = _Recording(step, self._recorder().record(step.compute), size)
        step.load(rows)
        self._compare(recording, rows, first.argmax(dim=1))
        step.rewind(rows.mask)
        return recording

    def _compare(self, recording: _Recording, rows: Rows, tokens: Tensor) -> None:
        """Raises RuntimeError if replayed steps give other logits than steps launched by Python."""
        few = keep_rows(self._backbone, rows, [0] * (2 if len(tokens) == 1 else 1))
        in_another_batch = read_token(self._backbone, few, tokens[:1].expand(len(few.mask)))[1]
        noise = None
        for _ in range(_COMPARED):
            recording.step.logits.zero_()  # a recording of nothing would leave what stood there
            replayed = recording.read(tokens)
            rows, launched = read_token(self._backbone, rows, tokens)
            if noise is None:  # in the first of the steps
                noise = distance(in_another_batch[:1], launched[:1])
            bound = tolerance(self._backbone.dtype, quantised=False, noise=noise)
            far = max(distance(ours[None], wanted[None]) for ours, wanted in zip(replayed, launched, strict=True))
            if not far <= bound:  # also where it is no number
                raise RuntimeError(f"recorded steps gave other logits: by {far:.2g} of their spread")
            tokens = launched.argmax(dim=1)


@dataclass(frozen=True, eq=False)
class _Recording:
    """A recorded step for one shape, and the function that replays it."""

    step: _Step
    replay: Callable[[], Tensor]
    size: int
    """Bytes of its cache"""

    def read(self, tokens: Tensor) -> Tensor:
        self.step.place(tokens)
        return self.replay()


class _Step:
    """The computation of a decoding step, and the memory that it reads and writes."""

    def __init__(self, backbone: FrozenBackbone, rows: Rows, first: Tensor, columns: int) -> None:
        """rows: any rows of this shape; first: their logits (rows, vocabulary)."""
        count, device = len(rows.mask), backbone.device
        self._backbone, self._hidden = backbone, torch.finfo(backbone.dtype).min
        self._ids = torch.zeros(count, 1, dtype=torch.long, device=device)
        self._positions = torch.zeros_like(self._ids)
        self._mask = torch.full((count, 1, 1, columns), self._hidden, dtype=backbone.dtype, device=device)
        self._column = torch.zeros(1, dtype=torch.long, device=device)
        self._cache = FixedCache(backbone.model.config, rows.cache, columns, self._column)
        self._last = 0
        """Index of the last column that was read."""
        self.logits = torch.zeros_like(first)

    def load(self, rows: Rows) -> None:
        """Sets the state to that after reading these rows."""
        self._cache.load(rows.cache)
        self.rewind(rows.mask)

    def rewind(self, mask: Tensor) -> None:
        """Hides all columns after those of the mask (rows, columns so far)."""
        read = mask.shape[1]
        self._last = read - 1
        self._positions.copy_(mask.sum(dim=1, keepdim=True) - 1)
        self._mask.fill_(self._hidden)
        self._mask[:, 0, 0, :read].masked_fill_(mask.bool(), 0)

    def place(self, tokens: Tensor) -> None:
        """Puts each row's next token (rows,) into the next column."""
        self._last += 1
        self._ids.copy_(tokens.unsqueeze(1))
        self._positions.add_(1)
        self._column.fill_(self._last)
        self._mask[..., self._last].zero_()

    def compute(self) -> Tensor:
        """Reads the tokens and returns the next logits; calling it again computes the same."""
        logits = self._backbone.logits(
            1,
            inputs_embeds=self._backbone.embed(self._ids),
            attention_mask=self._mask,
            position_ids=self._positions,
            past_key_values=self._cache,
            use_cache=True,
        )
        return self.logits.copy_(logits[:, 0])


def _obstacle(backbone: FrozenBackbone) -> str:
    """Returns why a backbone's steps cannot be recorded, as far as its config tells; else an empty text."""
    if backbone.is_quantized:
        return "weights are packed in fewer bits"
    if not getattr(backbone.model, "_can_compile_fullgraph", False):
        return "transformers has no static cache for this family"
    if getattr(backbone.model.config, "_attn_implementation", None) not in _ATTENTION:
        return "its attention takes no mask of floating-point numbers"
    return ""
