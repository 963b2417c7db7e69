"""Checks that labels can be learned as tokens: all different, and none longer than the limit on targets."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from lamp.data.checks.sample import quoted
from lamp.data.stored_tokenizer import LEAD, stored_tokenizer


def label_problems(labels: Sequence[str], tokens: Sequence[Sequence[int]], limit: int) -> dict[str, str]:
    """Returns one sentence for each reason why labels cannot be learned → key of the recipe's field.

    tokens: the ids of each label, without the end token; limit: the most tokens of a target, including its end.
    """
    problems = {}
    known: dict[tuple[int, ...], str] = {}
    for label, ids in zip(labels, tokens, strict=True):
        twin = known.setdefault(tuple(ids), label)
        if twin != label:
            problems[
                f"The backbone's tokenizer makes the same tokens of the labels {quoted(twin)} and {quoted(label)}, so "
                "they cannot be told apart: write them differently, or choose another backbone."
            ] = "backbone"
            break
    label, length = max(
        zip(labels, [len(ids) + 1 for ids in tokens], strict=True), key=lambda pair: pair[1], default=("", 0)
    )
    if length > limit:
        problems[
            f"The label {quoted(label)} has {length} tokens with its end, more than the longest target ({limit} "
            f"tokens), and a label is never cut: set the longest target to {length} or more."
        ] = "data.max_target_tokens"
    return problems


def stored_label_problems(tokenizer_file: Path, labels: Sequence[str], limit: int) -> dict[str, str]:
    """Does the same as `label_problems` with only a tokenizer.json; empty if it cannot be read."""
    try:
        tokenizer = stored_tokenizer(tokenizer_file)
        lead = tokenizer.encode(LEAD, add_special_tokens=False).ids
        encodings = tokenizer.encode_batch_fast([f"{LEAD} {label}" for label in labels], add_special_tokens=False)
    except Exception:  # tokenizers raises nothing more specific; loading the backbone reports the error
        return {}
    return label_problems(labels, [encoding.ids[len(lead) :] for encoding in encodings], limit)
