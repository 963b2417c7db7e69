"""A cache of token ids on disk, whose key is a digest of everything that the token ids depend on."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from contextlib import suppress
from itertools import pairwise
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from lamp.data.encoding import Encoded, Encoder
from lamp.data.splits import Example
from lamp.files import written_whole


def encode_cached(encoder: Encoder, examples: Sequence[Example], folder: Path | None) -> list[Encoded]:
    """The examples as token ids, read from `folder` if they are there and stored there if not.

    folder: where token ids are cached; None does not cache. Also counts what was cut in `encoder.truncated` and
    `encoder.cut_targets`, as encoding does. A cached file that cannot be read is made again; one that cannot be written
    is no error.
    """
    if folder is None or not encoder.identity:
        return encoder.encode(examples)
    file = folder / f"{_digest(encoder, examples)}.safetensors"
    cached = _read(file)
    if cached is not None:
        rows, inputs, targets = cached
        encoder.truncated += inputs
        encoder.cut_targets += targets
        return rows
    before = encoder.truncated, encoder.cut_targets
    rows = encoder.encode(examples)
    _write(file, rows, encoder.truncated - before[0], encoder.cut_targets - before[1])
    return rows


def _digest(encoder: Encoder, examples: Sequence[Example]) -> str:
    """A digest of everything that the token ids depend on."""
    digest = hashlib.sha256(encoder.identity.encode())
    for example in examples:
        for text in (example.text, example.template_suffix, example.target):
            digest.update(f"{len(text)} ".encode())
            digest.update(text.encode("utf-8", "surrogatepass"))
    return digest.hexdigest()


def _read(file: Path) -> tuple[list[Encoded], int, int] | None:
    """The rows of a cached file, and how many inputs and targets were cut; None if it cannot be read."""
    try:
        with safe_open(file, "pt") as stored:
            ids, ends = stored.get_tensor("ids").tolist(), stored.get_tensor("ends").tolist()
            inputs, targets = map(int, stored.metadata()["cut"].split())
        file.touch()  # files that have not been touched for long are deleted
    except (OSError, SafetensorError, KeyError, TypeError, ValueError):
        return None
    parts = [tuple(ids[start:end]) for start, end in pairwise([0, *ends])]
    return [Encoded(*pair) for pair in zip(parts[::2], parts[1::2], strict=True)], inputs, targets


def _write(file: Path, rows: Sequence[Encoded], cut_inputs: int, cut_targets: int) -> None:
    """Writes all inputs and targets one after the other, and where each ends."""
    parts = [part for row in rows for part in (row.input_ids, row.target_ids)]
    tensors = {
        "ids": torch.tensor([token for part in parts for token in part], dtype=torch.int32),
        "ends": torch.tensor([len(part) for part in parts]).cumsum(0),
    }
    with suppress(OSError, SafetensorError), written_whole(file) as staged:
        save_file(tensors, staged, metadata={"cut": f"{cut_inputs} {cut_targets}"})
