"""Computes the studio's own answers to some rows, to compare an export with."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from lamp.backbone.forward import target_logits
from lamp.backbone.frozen import FrozenBackbone
from lamp.backbone.prefix import inference_prefix
from lamp.backbone.rounding import distance
from lamp.data.encoding import Encoded, Encoder
from lamp.data.splits import Example
from lamp.export.extended_model import embedding_scale, stored_dtype
from lamp.export.saved_prompt import SavedPrompt
from lamp.export.virtual_vocabulary import SAMPLE
from lamp.inference.generate import generate
from lamp.inference.label_scores import label_log_likelihoods

ROWS = 40
"""The most answers that are compared."""
_PROBES = 4
"""Number of rows whose logits are compared too."""
_SAMPLED = 64
"""Number of rows of the embedding table by which another file of the same model is recognised."""

OnPart = Callable[[str, float], None]
"""Called with the name of a part of the work and the share of it that is done, 0 to 1; may raise to stop the work."""


@dataclass(frozen=True, eq=False)
class Probe:
    """A row and the logits that predict its answer."""

    input_ids: tuple[int, ...]
    target_ids: tuple[int, ...]
    logits: Tensor
    """(target length, vocabulary), float32 on the CPU, behind virtual tokens rounded to the format of the weights"""


@dataclass(frozen=True, eq=False)
class Reference:
    """The studio's answers, and the parts of the backbone that an export is made and checked with."""

    texts: tuple[str, ...]
    inputs: tuple[tuple[int, ...], ...]
    """Token ids of the texts"""
    answers: tuple[str, ...]
    """The greedy continuation of each input, as text"""
    label_orders: tuple[tuple[int, ...], ...]
    """Indices of the labels for each input, the likeliest first; empty for texts"""
    probes: tuple[Probe, ...]
    noise: float
    """Difference of the same logits computed in two ways, as a measure of rounding"""
    rows: Tensor
    """(l', d), float32: the virtual tokens as rows of the embedding table, before the model's scaling"""
    sampled: dict[int, Tensor]
    """Embedding rows (d,) of some tokens, by token id"""
    encoder: Encoder
    tokenizer: Any
    end_ids: tuple[int, ...]
    is_encoder_decoder: bool
    dtype: torch.dtype
    device: torch.device


def reference_of(saved: SavedPrompt, source: str, examples: Sequence[Example], on_part: OnPart) -> Reference:
    """Answers the first rows that need no truncation. source: where the backbone's files are. Raises BackboneError.

    The backbone's weights are loaded as stored, as the export has them, even if training had them in fewer bits.
    """
    on_part("Loading the model", 0.0)
    config = saved.config
    backbone = FrozenBackbone.load(config.backbone, source, config.train.precision)
    encoder = Encoder(
        backbone.tokenizer, is_encoder_decoder=backbone.is_encoder_decoder, config=config.data, chat=saved.chat
    )
    texts, inputs = _uncut(encoder, examples)
    prefixes = [inference_prefix(backbone, saved.virtual_tokens)] * len(inputs)

    def on_progress(share: float) -> None:
        on_part("Answering with the studio", share)

    answers = generate(backbone, prefixes, encoder, inputs, on_progress=on_progress)
    orders: list[list[int]] = []
    if saved.labels and inputs:
        scores = label_log_likelihoods(backbone, prefixes, encoder, inputs, saved.labels)
        orders = scores.argsort(dim=1, descending=True, stable=True).tolist()
    scale = embedding_scale(backbone.embedding)
    rows = saved.virtual_tokens / scale
    stored = rows.to(stored_dtype(source, backbone.dtype)).float() * scale
    probes, noise = _probes(backbone, stored.to(backbone.device), encoder, inputs, answers)
    table = backbone.embedding.weight
    places = torch.linspace(0, min(len(table), len(backbone.tokenizer)) - 1, _SAMPLED).long().tolist()
    return Reference(
        texts=tuple(texts),
        inputs=tuple(inputs),
        answers=tuple(answers),
        label_orders=tuple(map(tuple, orders)),
        probes=probes,
        noise=noise,
        rows=rows,
        sampled={place: table[place].float().cpu() for place in places},
        encoder=encoder,
        tokenizer=backbone.tokenizer,
        end_ids=tuple(backbone.end_ids),
        is_encoder_decoder=backbone.is_encoder_decoder,
        dtype=backbone.dtype,
        device=backbone.device,
    )


def _uncut(encoder: Encoder, examples: Sequence[Example]) -> tuple[list[str], list[tuple[int, ...]]]:
    """Returns texts and token ids of the first rows that need no truncation."""
    texts: list[str] = []
    inputs: list[tuple[int, ...]] = []
    for example in examples:
        if len(inputs) == ROWS:
            break
        cut = encoder.truncated
        (ids,) = encoder.inputs([example.text], [example.template_suffix])
        if encoder.truncated == cut:
            texts.append(example.text)
            inputs.append(ids)
    return texts, inputs


@torch.inference_mode()
def _probes(
    backbone: FrozenBackbone,
    virtual: Tensor,
    encoder: Encoder,
    inputs: Sequence[tuple[int, ...]],
    answers: Sequence[str],
) -> tuple[tuple[Probe, ...], float]:
    """Returns logits behind some rows, or behind a sentence if there are none, and their rounding."""
    chosen = list(inputs[:_PROBES]) or encoder.inputs([SAMPLE], [""])
    targets = encoder.targets([answer or SAMPLE for answer in answers[:_PROBES]] or [SAMPLE])
    probes, noise = [], 0.0
    for input_ids, target_ids in zip(chosen, targets, strict=True):
        batch = encoder.batch([Encoded(input_ids, target_ids)], backbone.device)
        logits, again = (
            target_logits(backbone, virtual, batch, one_pass=one)[0].float().cpu() for one in (False, True)
        )
        noise = max(noise, distance(again, logits))
        probes.append(Probe(input_ids, target_ids, logits))
    return tuple(probes), noise
