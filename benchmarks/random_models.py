"""Untrained models with the published sizes of backbones: they compute as fast as trained ones."""

from __future__ import annotations

from typing import Any

import torch

SHAPES: dict[str, dict[str, Any]] = {
    "smollm2-135m": {
        "hidden_size": 576,
        "intermediate_size": 1536,
        "num_hidden_layers": 30,
        "num_attention_heads": 9,
        "num_key_value_heads": 3,
        "vocab_size": 49152,
        "tie_word_embeddings": True,
    },
    "t5-large": {"d_model": 1024, "d_kv": 64, "d_ff": 4096, "num_layers": 24, "num_heads": 16, "vocab_size": 32128},
    "llama-3.2-1b": {
        "hidden_size": 2048,
        "intermediate_size": 8192,
        "num_hidden_layers": 16,
        "num_attention_heads": 32,
        "num_key_value_heads": 8,
        "vocab_size": 128256,
        "tie_word_embeddings": True,
    },
    "llama-2-7b": {
        "hidden_size": 4096,
        "intermediate_size": 11008,
        "num_hidden_layers": 32,
        "num_attention_heads": 32,
        "vocab_size": 32000,
    },
    "tiny": {
        "hidden_size": 128,
        "intermediate_size": 64,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "vocab_size": 400,
    },
}


def random_model(shape: str, device: str, dtype: torch.dtype) -> Any:
    """An untrained model with the published sizes of a backbone."""
    import transformers as tf

    sizes = SHAPES[shape]
    t5: dict[str, Any] = {"decoder_start_token_id": 0, "dropout_rate": 0.0}
    config = tf.T5Config(**sizes, **t5) if "d_kv" in sizes else tf.LlamaConfig(**sizes)
    auto = tf.AutoModelForSeq2SeqLM if config.is_encoder_decoder else tf.AutoModelForCausalLM
    with torch.device(device):
        return auto.from_config(config, dtype=dtype).eval().requires_grad_(False)
