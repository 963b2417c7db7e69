"""The log-likelihood of each label as the answer to an input."""

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

    Dividing by the number of tokens makes short and long labels comparable. A softmax over the labels gives their
    probabilities. prefixes: one for each input; on_progress may raise to end the scoring.
    """
    continuations = encoder.continuations(labels)
    label_ids, label_mask = encoder.pad_targets(continuations, backbone.device)
    scores = torch.empty(len(inputs), len(labels))
    score_batch = _encoder_decoder_scores if backbone.is_encoder_decoder else _causal_scores

    def score(indices: Sequence[int]) -> None:
        ids, mask = encoder.pad_inputs([inputs[index] for index in indices], backbone.device)
        batch_prefixes = [prefixes[index] for index in indices]
        scores[indices] = score_batch(backbone, batch_prefixes, ids, mask, label_ids, label_mask).float().cpu()

    run_batched([len(ids) for ids in inputs], batch_size, score, on_progress)
    return scores


def _encoder_decoder_scores(
    backbone: FrozenBackbone,
    prefixes: Sequence[Prefix],
    ids: Tensor,
    mask: Tensor,
    label_ids: Tensor,
    label_mask: Tensor,
) -> Tensor:
    """Scores (batch, labels): the encoder reads every input once, the decoder reads every label for every input."""
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
    """Scores (batch, labels): every input is read once; longer labels are read behind the input's cache."""
    batch, (labels, longest) = len(ids), label_ids.shape
    cache, prefix_mask = batch_cache(backbone, prefixes)
    full_mask = torch.cat([prefix_mask, mask], dim=1)
    first = continue_logits(backbone, cache, ids, full_mask, logits_to_keep=1)[:, 0].float().log_softmax(dim=-1)
    total = first[:, label_ids[:, 0]]
    if longest > 1:
        targets, target_mask = label_ids.repeat(batch, 1), label_mask.repeat(batch, 1)
        logits = continue_logits(
            backbone,
            repeat_cache(backbone, cache, labels),
            targets[:, :-1],
            torch.cat([full_mask.repeat_interleave(labels, 0), target_mask[:, :-1]], dim=1),
            logits_to_keep=longest - 1,
        )
        total = total + sum_log_likelihood(logits, targets[:, 1:], target_mask[:, 1:]).view(batch, labels)
    return total / label_mask.sum(dim=1)
