"""Free text from a backbone, with or without virtual tokens."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from lamp.backbone import FrozenBackbone
from lamp.batching import batches_by_length
from lamp.encoding import Encoder


@torch.inference_mode()
def generate(
    backbone: FrozenBackbone,
    virtual: Tensor | None,
    encoder: Encoder,
    inputs: Sequence[Sequence[int]],
    batch_size: int = 16,
    each_batch: Callable[[], None] = lambda: None,
) -> list[str]:
    """The most likely continuation of every input (greedy), as long as a target may be, without special tokens.

    virtual: (l', hidden), or None for the backbone alone; each_batch is called before every batch and may raise.
    """
    answers = [""] * len(inputs)
    for rows in batches_by_length([len(ids) for ids in inputs], batch_size):
        each_batch()
        ids, mask = encoder.pad_inputs([inputs[row] for row in rows], backbone.device)
        joined = backbone.join(virtual, ids, mask)
        output = backbone.model.generate(
            inputs_embeds=joined.embeddings, attention_mask=joined.mask,
            max_new_tokens=encoder.config.max_target_tokens,
            do_sample=False, num_beams=1, temperature=None, top_p=None, top_k=None,
            pad_token_id=backbone.tokenizer.pad_token_id or 0, eos_token_id=backbone.tokenizer.eos_token_id,
        )
        for row, text in zip(rows, backbone.tokenizer.batch_decode(output, skip_special_tokens=True), strict=True):
            answers[row] = text.strip()
    return answers
