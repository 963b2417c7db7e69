"""The options of an export. Needs no torch, so that pages can offer them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

FORMATS = {
    "merged": "the model with the prompt in it, in safetensors: for transformers, vLLM, TGI and SGLang",
    "gguf": "the model with the prompt in it, in one file: for llama.cpp, LM Studio and Jan",
    "ollama": "the same file with a Modelfile: for Ollama",
    "embeddings": "the prompt's vectors alone: for engines that take embeddings, such as vLLM",
}
"""The formats, and what each is for"""


@dataclass(frozen=True)
class ExportOptions:
    """The options of an export."""

    format: str
    """One of FORMATS"""
    type_name: str = "f16"
    """Type of the weights in a GGUF file that is made from safetensors: "f16" or "q8_0"."""
    base: Path | None = None
    """A GGUF file of the backbone, whose weights are copied as they are"""

    @property
    def is_gguf(self) -> bool:
        return self.format in ("gguf", "ollama")
