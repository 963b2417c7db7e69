"""Every family of the tests, whether it reads text alone or not, and which of them are no more than relatives."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests import families, more_families
from tests.families import CAUSAL, ENCODER_DECODER, save_model
from tests.more_families import MORE_CAUSAL, MORE_ENCODER_DECODER, OF_THEIR_OWN
from tests.more_multimodal import MORE_MULTIMODAL
from tests.multimodal import MULTIMODAL, MULTIMODAL_ENCODER_DECODER

DECODERS = CAUSAL | MORE_CAUSAL | MULTIMODAL | MORE_MULTIMODAL
ENCODER_DECODERS = ENCODER_DECODER | MORE_ENCODER_DECODER | MULTIMODAL_ENCODER_DECODER
REFUSED = families.REFUSED | more_families.MORE_REFUSED
MORE = MORE_CAUSAL | MORE_ENCODER_DECODER | MORE_MULTIMODAL
"""Families that are not tried in half precision."""
NAMES = [
    pytest.param(name, marks=pytest.mark.relatives if name in MORE and name not in OF_THEIR_OWN else ())
    for name in [*DECODERS, *ENCODER_DECODERS]
]
"""All of them; those that compute as others do only where they are asked for (`make test-families`)."""


def save_any_family(folder: Path, name: str) -> Path:
    """A tiny random model of a family and its tokenizer."""
    return save_model(folder, (DECODERS | ENCODER_DECODERS)[name], encoder_decoder=name in ENCODER_DECODERS)
