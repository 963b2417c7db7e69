"""Untrained models with the published sizes of backbones: they compute as fast as trained ones.

    python benchmarks/random_models.py FOLDER [--shape smollm2-135m]

lays one into FOLDER/backbone, with a tokenizer that knows the benchmarks' words, and rows of these into
FOLDER/rows.csv.
"""

from __future__ import annotations

import argparse
import random
from pathlib import Path
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


WORDS = [f"word{number}" for number in range(300)]
_LABELS = ("positive", "negative", "description", "entity", "abbreviation", "human", "being", "numeric", "value")


def random_backbone(shape: str, folder: Path) -> Path:
    """Lays an untrained model and a tokenizer that knows the benchmarks' words."""
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    model = random_model(shape, "cpu", torch.bfloat16)
    model.save_pretrained(folder)
    tokens = ["<pad>", "</s>", "<unk>", *WORDS, "text", "label", ":", *_LABELS, "location"]
    tokenizer = Tokenizer(models.WordLevel({token: number for number, token in enumerate(tokens)}, unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, pad_token="<pad>", eos_token="</s>", unk_token="<unk>"
    ).save_pretrained(folder)
    return folder


def random_table(file: Path) -> Path:
    """Rows of random words with SST-2's lengths and two labels."""
    from gpu import LOADS

    rng = random.Random(0)
    rows = [f"{' '.join(rng.choices(WORDS, k=length))},{rng.choice(WORDS[:2])}" for length in LOADS["sst2"] * 60]
    file.write_text("text,label\n" + "\n".join(rows) + "\n")
    return file


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--shape", choices=SHAPES, default="smollm2-135m")
    options = parser.parse_args()
    random_backbone(options.shape, options.folder / "backbone")
    random_table(options.folder / "rows.csv")


if __name__ == "__main__":
    main()
