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

from lamp.data.encoding import COUNTS, Encoded, Encoder
from lamp.data.splits import Example
from lamp.files import written_whole


def encode_cached(encoder: Encoder, examples: Sequence[Example], folder: Path | None) -> list[Encoded]:
    """Returns the examples as token ids, from the cache in `folder` if they are there, else stores them there.

    folder: None does not cache. Also adds to the encoder's counts (`COUNTS`), as encoding does. A cached file that
    cannot be read is made again; one that cannot be written is no error.
    """
    if folder is None or not encoder.identity:
        return encoder.encode(examples)
    file = folder / f"{_digest(encoder, examples)}.safetensors"
    cached = _read(file)
    if cached is not None:
        rows, counts = cached
        for name, count in zip(COUNTS, counts, strict=True):
            setattr(encoder, name, getattr(encoder, name) + count)
        return rows
    before = _counts(encoder)
    rows = encoder.encode(examples)
    _write(file, rows, [now - then for now, then in zip(_counts(encoder), before, strict=True)])
    return rows


def _counts(encoder: Encoder) -> list[int]:
    return [getattr(encoder, name) for name in COUNTS]


def _digest(encoder: Encoder, examples: Sequence[Example]) -> str:
    """Returns a digest of everything that the token ids depend on."""
    digest = hashlib.sha256(encoder.identity.encode())
    for example in examples:
        for text in (example.text, example.template_suffix, example.target):
            digest.update(f"{len(text)} ".encode())
            digest.update(text.encode("utf-8", "surrogatepass"))
    return digest.hexdigest()


def _read(file: Path) -> tuple[list[Encoded], list[int]] | None:
    """Reads the rows of a cached file and their COUNTS; None if it cannot be read."""
    try:
        with safe_open(file, "pt") as stored:
            ids, ends = stored.get_tensor("ids").tolist(), stored.get_tensor("ends").tolist()
            counts = [int(stored.metadata()["counts"].split()[index]) for index in range(len(COUNTS))]
        file.touch()  # files that have not been touched for long are deleted
    except (OSError, SafetensorError, LookupError, TypeError, ValueError):
        return None
    parts = [tuple(ids[start:end]) for start, end in pairwise([0, *ends])]
    return [Encoded(*pair) for pair in zip(parts[::2], parts[1::2], strict=True)], counts


def _write(file: Path, rows: Sequence[Encoded], counts: Sequence[int]) -> None:
    """Writes all inputs and targets one after the other, and where each ends."""
    parts = [part for row in rows for part in (row.input_ids, row.target_ids)]
    tensors = {
        "ids": torch.tensor([token for part in parts for token in part], dtype=torch.int32),
        "ends": torch.tensor([len(part) for part in parts]).cumsum(0),
    }
    with suppress(OSError, SafetensorError), written_whole(file) as staged:
        save_file(tensors, staged, metadata={"counts": " ".join(map(str, counts))})
