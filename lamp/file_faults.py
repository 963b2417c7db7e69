"""Sentences for what is wrong with a backbone's files; found before a start if they are here, else at loading."""

from __future__ import annotations


def adapter_beside_weights(reference: str) -> str:
    """transformers would add the adapter to the weights without a word."""
    return (
        f"The backbone {reference!r} has an adapter (adapter_config.json) beside its weights: merge it into them or "
        "move it away, or choose the model that it was made for."
    )


def no_end_token(reference: str) -> str:
    """The tokenizer names no token that ends a text."""
    return (
        f"The tokenizer of the backbone {reference!r} has no end token, so its answers could not end: "
        'name one as "eos_token" in its tokenizer_config.json, or choose another backbone.'
    )


def tokens_without_embedding(reference: str, largest: int, rows: int) -> str:
    """The tokenizer makes ids up to `largest`, and the embedding has fewer rows."""
    return (
        f"The tokenizer of the backbone {reference!r} has tokens up to the id {largest}, and the model has embeddings "
        f"for {rows} tokens: get a tokenizer and weights that belong together."
    )
