"""Error sentences for faults in a backbone's files, used before a run starts and when the backbone is loaded."""

from __future__ import annotations


def adapter_beside_weights(reference: str) -> str:
    """Says that an adapter is beside the weights, which transformers would silently add to them."""
    return (
        f"The backbone {reference!r} has an adapter (adapter_config.json) beside its weights: merge it into them or "
        "move it away, or choose the model that it was made for."
    )


def no_end_token(reference: str) -> str:
    """Says that the tokenizer has no token that ends a text."""
    return (
        f"The tokenizer of the backbone {reference!r} has no end token, so its answers could not end: "
        'name one as "eos_token" in its tokenizer_config.json, or choose another backbone.'
    )


def tokens_without_embedding(reference: str, largest: int, rows: int) -> str:
    """Says that the tokenizer produces ids up to `largest`, and the embedding has fewer rows."""
    return (
        f"The tokenizer of the backbone {reference!r} has tokens up to the id {largest}, and the model has embeddings "
        f"for {rows} tokens: get a tokenizer and weights that belong together."
    )


def stored_quantised(reference: str, method: str) -> str:
    """Starts a sentence about quantised weights; method: as transformers names it, such as "gptq"."""
    name = method.upper() if method in ("awq", "fp8", "gptq", "mxfp4") else f"the format of {method}"
    return f"The backbone {reference!r} is stored quantised in {name}"


def quantised_twice(reference: str, method: str) -> str:
    """Says that the recipe asks for 8 or 4 bits, but the stored weights are quantised already."""
    return (
        f"{stored_quantised(reference, method)}, and cannot be put into 8 or 4 bits once more: leave the backbone's "
        "weights as they are, or choose the unquantised model that it was made from."
    )
