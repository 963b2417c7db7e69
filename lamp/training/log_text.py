"""Texts that a training run writes to its log."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice

from lamp.data.conversation import readable
from lamp.data.encoding import Encoder
from lamp.data.splits import Example, Splits
from lamp.inference.scores import Scores
from lamp.training.reporter import Sample

_SAMPLES = 3
"""Held-out rows that are reported at each evaluation."""


def data_summary(splits: Splits, encoder: Encoder) -> str:
    """Returns how many rows each part has, and how many were left out or truncated.

    encoder: the one that encoded the rows of all parts.
    """
    parts = [f"{len(splits.train)} rows to train on, {len(splits.validation)} for validation"]
    parts.append(f"{len(splits.test)} for the test" if splits.test else "none for the test")
    if splits.skipped:
        parts.append(f"{splits.skipped} without a target left out")
    if splits.without_input:
        parts.append(f"{splits.without_input} without an input left out")
    if encoder.truncated:
        parts.append(f"{encoder.truncated} inputs cut to {encoder.config.max_input_tokens} tokens")
    if encoder.cut_targets:
        parts.append(f"{encoder.cut_targets} targets cut to {encoder.config.max_target_tokens} tokens")
    if encoder.joined_turns:
        parts.append(f"{encoder.joined_turns} conversations joined, as the chat template cannot hold them otherwise")
    return ", ".join(parts) + "."


def format_scores(scores: Scores) -> str:
    """Formats all scores as one line, such as "accuracy 0.85, loss 0.31"."""
    return ", ".join(f"{name} {value:.4g}" for name, value in scores.items())


def samples_of(examples: Sequence[Example], answers: Sequence[str]) -> list[Sample]:
    """Returns a few held-out rows with the model's answers; every evaluation shows the same rows."""
    pairs = islice(zip(examples, answers, strict=False), _SAMPLES)
    return [Sample(example.row, readable(example.text), example.target, answer) for example, answer in pairs]


def sample_line(sample: Sample) -> str:
    """Formats a held-out row and its answer as one line."""
    return f"  {_shorten(sample.input)} → {sample.answer!r} (target {sample.expected!r})"


def _shorten(text: str) -> str:
    """Returns a text as one line of at most 70 characters."""
    line = " ".join(text.split())
    return line if len(line) <= 70 else line[:67] + "..."
