"""The backbone types that are tested to be read exactly, so that they need no trial before a run."""

from __future__ import annotations

TRIED = frozenset(
    {
        *("apertus", "bart", "bloom", "cohere2", "exaone4", "falcon", "gemma", "gemma2", "gemma3", "gemma3_text"),
        *("glm4", "gpt2", "gpt_neo", "gpt_neox", "gpt_oss", "granite", "granitemoehybrid", "lfm2", "llama", "mbart"),
        *("mistral", "mistral3", "mt5", "olmo2", "olmo3", "opt", "phi", "phi3", "qwen2", "qwen3", "qwen3_moe"),
        *("qwen3_next", "qwen3_vl", "smollm3", "starcoder2", "t5", "t5gemma"),
    }
)
"""transformers' names of them. The probe at every loading tries these as well (lamp/backbone/probe.py)."""
