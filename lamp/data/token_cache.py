"""Token ids that were made once and are found again by what they were made of."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from tempfile import NamedTemporaryFile

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from lamp.data.encoding import Encoded, Encoder
from lamp.data.splits import Example


def encode_cached(encoder: Encoder, examples: Sequence[Example], folder: Path | None) -> list[Encoded]:
    """The examples as token ids, from `folder` where the same texts lie there as this encoder would encode them.

    None keeps nothing. What cannot be read there is made again, and a full disk is no reason to fail.
    """
    if folder is None or not encoder.identity:
        return encoder.encode(examples)
    file = folder / f"{_content(encoder, examples)}.safetensors"
    found = _read(file)
    if found is None:
        before = encoder.truncated
        found = encoder.encode(examples), encoder.truncated - before
        _write(file, *found)
    else:
        encoder.truncated += found[1]
    return found[0]


def _content(encoder: Encoder, examples: Sequence[Example]) -> str:
    """A digest of everything that the token ids follow from."""
    digest = hashlib.sha256(encoder.identity.encode())
    for example in examples:
        for text in (example.text, example.template_suffix, example.target):
            digest.update(f"{len(text)} ".encode())
            digest.update(text.encode("utf-8", "surrogatepass"))
    return digest.hexdigest()


def _read(file: Path) -> tuple[list[Encoded], int] | None:
    try:
        with safe_open(file, "pt") as stored:
            ids, ends = stored.get_tensor("ids").tolist(), stored.get_tensor("ends").tolist()
            truncated = int(stored.metadata()["truncated"])
        file.touch()  # what is in use is not swept away
    except (OSError, SafetensorError, KeyError, TypeError, ValueError):
        return None
    parts = [tuple(ids[start:end]) for start, end in pairwise([0, *ends])]
    return [Encoded(*pair) for pair in zip(parts[::2], parts[1::2], strict=True)], truncated


def _write(file: Path, rows: Sequence[Encoded], truncated: int) -> None:
    """Inputs and targets one after the other, and where each ends; whole or not at all."""
    parts = [part for row in rows for part in (row.input_ids, row.target_ids)]
    tensors = {
        "ids": torch.tensor([token for part in parts for token in part], dtype=torch.int32),
        "ends": torch.tensor([len(part) for part in parts]).cumsum(0),
    }
    staged = None
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        with NamedTemporaryFile(dir=file.parent, prefix=".staged-", delete=False) as handle:
            staged = Path(handle.name)
        save_file(tensors, staged, metadata={"truncated": str(truncated)})
        with staged.open("rb") as written:
            os.fsync(written.fileno())
        staged.replace(file)
    except (OSError, SafetensorError):
        if staged is not None:
            staged.unlink(missing_ok=True)
