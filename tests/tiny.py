"""Tiny random backbones of each family, made in a second."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

WORDS = (
    "text label positive negative good bad fine poor great awful the a film was is very not and or this that it plot "
    "acting ending music loved hated liked enjoyed dull bright summary answer question : , ."
)


def save_tokenizer(folder: Path, *, encoder_decoder: bool) -> int:
    """A byte-level BPE tokenizer learned from a few words; returns its vocabulary size."""
    from tokenizers import ByteLevelBPETokenizer
    from tokenizers.processors import TemplateProcessing
    from transformers import PreTrainedTokenizerFast

    learned = ByteLevelBPETokenizer()
    rng = random.Random(0)
    words = [*WORDS.split(), "\n"]
    lines = [" ".join(rng.choices(words, k=12)) for _ in range(400)]
    learned.train_from_iterator(lines, vocab_size=400, min_frequency=1, special_tokens=["<pad>", "</s>", "<unk>"])
    core = learned._tokenizer
    if encoder_decoder:
        core.post_processor = TemplateProcessing(single="$A </s>", special_tokens=[("</s>", 1)])
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=core, pad_token="<pad>", eos_token="</s>", unk_token="<unk>")
    tokenizer.save_pretrained(folder)
    return len(tokenizer)


def save_spiece(folder: Path) -> None:
    """Puts spiece.model, as mT5 and older T5s have it, in the place of a folder's tokenizer.json."""
    import json

    import sentencepiece

    rng = random.Random(0)
    lines = [" ".join(rng.choices(WORDS.split(), k=12)) for _ in range(400)]
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(lines),
        model_prefix=str(folder / "spiece"),
        vocab_size=65,
        pad_id=0,
        eos_id=1,
        unk_id=2,
        bos_id=-1,
        minloglevel=2,
    )
    (folder / "spiece.vocab").unlink()
    (folder / "tokenizer.json").unlink()
    settings = {"eos_token": "</s>", "pad_token": "<pad>", "unk_token": "<unk>", "extra_ids": 0}
    (folder / "tokenizer_config.json").write_text(json.dumps(settings))


def save_tiny(folder: Path, family: str) -> Path:
    """A tiny random backbone of one family, weights in safetensors, tokenizer beside them."""
    import torch
    import transformers as tf

    folder.mkdir(parents=True, exist_ok=True)
    vocabulary = save_tokenizer(folder, encoder_decoder=family in {"t5", "mt5", "bart"})
    torch.manual_seed(0)
    tokens: dict[str, Any] = {"vocab_size": vocabulary, "pad_token_id": 0, "eos_token_id": 1, "bos_token_id": 1}
    sizes: dict[str, Any] = {
        "hidden_size": 32,
        "intermediate_size": 64,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "max_position_embeddings": 512,
        "initializer_range": 0.15,
        **tokens,
    }
    t5_sizes: dict[str, Any] = {
        "d_model": 32,
        "d_kv": 8,
        "d_ff": 64,
        "num_layers": 2,
        "num_heads": 4,
        "decoder_start_token_id": 0,
        **tokens,
    }
    model: tf.PreTrainedModel
    if family == "t5":
        model = tf.T5ForConditionalGeneration(tf.T5Config(**t5_sizes, num_decoder_layers=3))  # transformers counts 2
    elif family == "mt5":
        model = tf.MT5ForConditionalGeneration(tf.MT5Config(**t5_sizes))
    elif family == "bart":
        model = tf.BartForConditionalGeneration(
            tf.BartConfig(
                d_model=32,
                encoder_layers=2,
                decoder_layers=2,
                encoder_ffn_dim=64,
                decoder_ffn_dim=64,
                encoder_attention_heads=4,
                decoder_attention_heads=4,
                max_position_embeddings=512,
                decoder_start_token_id=1,
                forced_eos_token_id=1,
                **tokens,
            )
        )
    elif family == "gpt2":
        model = tf.GPT2LMHeadModel(tf.GPT2Config(n_embd=32, n_layer=2, n_head=4, n_positions=512, **tokens))
    elif family == "opt":
        model = tf.OPTForCausalLM(
            tf.OPTConfig(
                hidden_size=32,
                ffn_dim=64,
                num_hidden_layers=2,
                num_attention_heads=4,
                max_position_embeddings=512,
                word_embed_proj_dim=32,
                **tokens,
            )
        )
    elif family == "gemma3":
        model = tf.Gemma3ForCausalLM(
            tf.Gemma3TextConfig(
                head_dim=8, sliding_window=64, layer_types=["sliding_attention", "full_attention"], **sizes
            )
        )
    else:
        config, kind = {
            "llama": (tf.LlamaConfig, tf.LlamaForCausalLM),
            "qwen2": (tf.Qwen2Config, tf.Qwen2ForCausalLM),
            "qwen3": (tf.Qwen3Config, tf.Qwen3ForCausalLM),
            "gemma": (tf.GemmaConfig, tf.GemmaForCausalLM),
        }[family]
        extra = {"head_dim": 8} if family in {"gemma", "qwen3"} else {}
        model = kind(config(**sizes, **extra))
    model.save_pretrained(folder)
    return folder
