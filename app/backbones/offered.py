"""The backbones that are offered by name. Nothing here asks the Hub, so the list is also shown without it."""

from __future__ import annotations

from dataclasses import dataclass

from lamp.hub.architecture import Architecture


@dataclass(frozen=True)
class OfferedBackbone:
    """A backbone worth offering, as its page on the Hub describes it."""

    reference: str
    """Its Hub id."""
    parameters: int
    licence: str
    good_for: str
    """What it is good for, as a sentence without its full stop."""
    architecture: Architecture = "causal"
    gated: bool = False
    """Whether its terms must be accepted on the Hub first."""
    stored_bits: int = 16
    """Bits of each stored weight: 32 for the T5 family."""
    stored_twice: int = 0
    """Parameters of a tied matrix that the weights hold a second time."""

    @property
    def model_type(self) -> str:
        """transformers' name of its family, where the choice of a precision depends on it; else empty."""
        return "t5" if self.stored_bits == 32 else ""

    @property
    def download_bytes(self) -> int:
        """Bytes of its weights on the Hub, within a few per cent."""
        return (self.parameters + self.stored_twice) * self.stored_bits // 8


_APACHE, _GEMMA, _LLAMA = "Apache-2.0", "Gemma terms", "Llama 3.2 licence"

# The smaller sizes of Gemma 4, E2B and E4B, look up every token again in each layer, and virtual tokens are not in that
# table (lamp/hub/architecture.py). The 26B and 31B can be tuned, and are found by their names.
OFFERED = (
    OfferedBackbone(
        "HuggingFaceTB/SmolLM2-135M-Instruct",
        134_515_008,
        _APACHE,
        "First steps: it trains on a laptop's CPU in minutes",
    ),
    OfferedBackbone(
        "google/flan-t5-base",
        247_577_856,
        _APACHE,
        "Labels and short answers after an instruction",
        "encoder-decoder",
        stored_bits=32,
    ),
    OfferedBackbone(
        "google/gemma-3-270m-it",
        268_098_176,
        _GEMMA,
        "Labels and extraction in many languages, on a CPU",
        gated=True,
    ),
    OfferedBackbone(
        "ibm-granite/granite-4.0-350m",
        352_378_880,
        _APACHE,
        "Labels and extraction in business texts, twelve languages",
    ),
    OfferedBackbone(
        "HuggingFaceTB/SmolLM2-360M-Instruct",
        361_821_120,
        _APACHE,
        "English texts, a step up from 135M on a CPU or small GPU",
    ),
    OfferedBackbone(
        "google/t5gemma-b-b-prefixlm-it",
        591_490_560,
        _GEMMA,
        "Summaries and rewriting: it reads the whole input first",
        "encoder-decoder",
        gated=True,
    ),
    OfferedBackbone(
        "Qwen/Qwen3-0.6B",
        596_049_920,
        _APACHE,
        "A good all-rounder for a small GPU, in over 100 languages",
        stored_twice=155_582_464,
    ),
    OfferedBackbone(
        "google/flan-t5-large",
        783_150_080,
        _APACHE,
        "Labels and short answers, better than the base size",
        "encoder-decoder",
        stored_bits=32,
    ),
    OfferedBackbone(
        "google/gemma-3-1b-it",
        999_885_952,
        _GEMMA,
        "Short texts in many languages on a small GPU",
        gated=True,
    ),
    OfferedBackbone(
        "meta-llama/Llama-3.2-1B-Instruct",
        1_235_814_400,
        _LLAMA,
        "Summaries and rewriting in eight languages",
        gated=True,
    ),
    OfferedBackbone(
        "ibm-granite/granite-4.0-1b",
        1_631_000_000,
        _APACHE,
        "Extraction and structured answers in business texts",
    ),
    OfferedBackbone(
        "Qwen/Qwen3-1.7B",
        1_720_574_976,
        _APACHE,
        "Harder labels and reasoning on one GPU, in over 100 languages",
        stored_twice=311_164_928,
    ),
    OfferedBackbone(
        "google/flan-t5-xl",
        2_849_757_184,
        _APACHE,
        "The strongest Flan-T5 that still fits one GPU",
        "encoder-decoder",
        stored_bits=32,
    ),
    OfferedBackbone(
        "HuggingFaceTB/SmolLM3-3B",
        3_075_098_624,
        _APACHE,
        "Free text and reasoning in six European languages",
    ),
    OfferedBackbone(
        "meta-llama/Llama-3.2-3B-Instruct",
        3_212_749_824,
        _LLAMA,
        "Summaries and free text in eight languages",
        gated=True,
    ),
    OfferedBackbone(
        "Qwen/Qwen3-4B",
        4_022_468_096,
        _APACHE,
        "Free text and reasoning in over 100 languages; it wants a GPU with 16 GB or more",
    ),
    OfferedBackbone(
        "google/gemma-3-4b-it",
        4_300_079_472,
        _GEMMA,
        "Free text in many languages; it also reads images, which is not used here",
        gated=True,
    ),
    OfferedBackbone(
        "google/gemma-4-12B-it",
        11_950_000_000,
        _APACHE,
        "The best answers of this list, in over 140 languages, on a large GPU",
    ),
)
