"""How likely a backbone finds each label as the answer to an input."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from lamp.backbone.forward import continue_logits, decoder_logits, encode, sum_log_likelihood
from lamp.backbone.frozen import FrozenBackbone
from lamp.backbone.prefix import Prefix, batch_cache, repeat_cache
from lamp.data.encoding import Encoder
from lamp.inference.batched import OnProgress, run_batched


@torch.inference_mode()
def label_log_likelihoods(
    backbone: FrozenBackbone,
    prefixes: Sequence[Prefix],
    encoder: Encoder,
    inputs: Sequence[Sequence[int]],
    labels: Sequence[str],
    batch_size: int = 32,
    on_progress: OnProgress = lambda _: None,
) -> Tensor:
    """Length-normalised log-likelihood of every label behind every input: (inputs, labels), float32 on the CPU.

    Normalising by length is what makes labels of one and of several tokens comparable. A softmax over the labels
    gives their probabilities. prefixes: one for each input; on_progress may raise to end the scoring.
    """
    continuations = encoder.continuations(labels)
    label_ids, label_mask = encoder.pad_targets(continuations, backbone.device)
    scores = torch.empty(len(inputs), len(labels))
    score = _encoder_decoder_scores if backbone.is_encoder_decoder else _causal_scores

    def read(rows: Sequence[int]) -> None:
        ids, mask = encoder.pad_inputs([inputs[row] for row in rows], backbone.device)
        found = score(backbone, [prefixes[row] for row in rows], ids, mask, label_ids, label_mask)
        scores[rows] = found.float().cpu()

    run_batched([len(ids) for ids in inputs], batch_size, read, on_progress)
    return scores


def _encoder_decoder_scores(
    backbone: FrozenBackbone,
    prefixes: Sequence[Prefix],
    ids: Tensor,
    mask: Tensor,
    label_ids: Tensor,
    label_mask: Tensor,
) -> Tensor:
    """(batch, labels): the encoder reads every input once, the decoder each label behind it."""
    memory, memory_mask = encode(backbone, prefixes, ids, mask)
    labels = len(label_ids)
    targets, target_mask = label_ids.repeat(len(ids), 1), label_mask.repeat(len(ids), 1)
    logits = decoder_logits(
        backbone, memory.repeat_interleave(labels, 0), memory_mask.repeat_interleave(labels, 0), targets, target_mask
    )
    return sum_log_likelihood(logits, targets, target_mask).view(len(ids), labels) / label_mask.sum(dim=1)


def _causal_scores(
    backbone: FrozenBackbone,
    prefixes: Sequence[Prefix],
    ids: Tensor,
    mask: Tensor,
    label_ids: Tensor,
    label_mask: Tensor,
) -> Tensor:
    """(batch, labels): every input is read once; labels of several tokens go on from its cache."""
    batch, (labels, longest) = len(ids), label_ids.shape
    cache, before = batch_cache(backbone, prefixes)
    full_mask = torch.cat([before, mask], dim=1)
    first = continue_logits(backbone, cache, ids, full_mask, keep=1)[:, 0].float().log_softmax(dim=-1)
    total = first[:, label_ids[:, 0]]
    if longest > 1:
        targets, target_mask = label_ids.repeat(batch, 1), label_mask.repeat(batch, 1)
        logits = continue_logits(
            backbone,
            repeat_cache(backbone, cache, labels),
            targets[:, :-1],
            torch.cat([full_mask.repeat_interleave(labels, 0), target_mask[:, :-1]], dim=1),
            keep=longest - 1,
        )
        total = total + sum_log_likelihood(logits, targets[:, 1:], target_mask[:, 1:]).view(batch, labels)
    return total / label_mask.sum(dim=1)
