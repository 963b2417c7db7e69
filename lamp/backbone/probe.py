"""Finds out with two short rows how a backbone can be read so that every row is read as if it were alone.

transformers' families differ in how they treat padding, caches and embeddings. Whether the fast way (one prompt whose
keys and values all rows share) is exact for a model is therefore measured: its logits for a padded pair of rows must be
those of each row by itself, in training, behind labels and in generation. Where they are not, padding is put before the
prompt (lamp/backbone/left_padded.py); where that is not exact either, the backbone is refused.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from textwrap import shorten

import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence
from transformers import LogitsProcessor

from lamp.backbone.batch import Batch
from lamp.backbone.forward import sum_log_likelihood, target_logits
from lamp.backbone.frozen import FrozenBackbone
from lamp.backbone.out_of_memory import is_out_of_memory
from lamp.backbone.prefix import make_prefix
from lamp.backbone.reading import read_inputs
from lamp.backbone.rounding import distance, tolerance
from lamp.backbone.windows import attention_window
from lamp.backbone.writing import write
from lamp.errors import BackboneError, first_line

_TEXT = "The weather was fine this morning, so we walked along the river and had lunch in a small village."
_PROMPT, _INPUTS, _TARGETS = 3, (1, 8), (3, 4)
"""Tokens of the virtual prompt, of the two inputs and of their targets."""
_GRADIENT_TOLERANCE = 1e-2
"""Distance of the prompt's gradients in float32, as a share, that counts as rounding; else they must be finite only."""
_FOLLOWING = 1e-6
"""Gradient of what follows, as a share of the largest one, up to which it counts as 0."""


class _Watcher(LogitsProcessor):
    """Keeps the logits (batch, vocabulary) of every step of a generation."""

    def __init__(self) -> None:
        self.logits: list[Tensor] = []

    def __call__(self, input_ids: Tensor, scores: Tensor) -> Tensor:
        self.logits.append(scores.clone())
        return scores


class _NotExact(Exception):
    """What differs, as the end of a sentence."""


@dataclass(frozen=True, eq=False)
class _Row:
    """One row and how the backbone reads it by itself."""

    input_ids: Tensor
    """(input length,)"""
    target_ids: Tensor
    """(target length,)"""
    logits: Tensor
    """(target length, vocabulary), behind the prompt"""


def find_exact_reading(backbone: FrozenBackbone) -> None:
    """Sets `backbone.shared_columns`: how long rows may be that share a prompt's keys and values.

    Raises BackboneError, in one sentence, for a backbone that cannot be read exactly in either way.
    """
    try:
        text = backbone.model.config.get_text_config(decoder=True)  # an encoder of images has windows of its own
        window = None if backbone.is_encoder_decoder else attention_window(text.to_dict())
        probe = _Probe(backbone)
        if not backbone.is_encoder_decoder:
            probe.check_order()
        probe.check_embeddings()
        try:
            probe.check_reading()
            longest_shared: float = math.inf if window is None else window
        except Exception as error:
            if backbone.is_encoder_decoder or is_out_of_memory(error):
                raise
            longest_shared = 0
        if longest_shared < math.inf:
            backbone.shared_columns = 0
            probe.check_reading()
            backbone.shared_columns = longest_shared
    except Exception as error:  # of transformers' own code for each family, which may raise anything
        if is_out_of_memory(error):
            raise
        reason = str(error)
        if not isinstance(error, _NotExact):
            sentence = first_line(error).split(". ")[0].rstrip(" .:")
            reason = f"it fails on two short rows: {shorten(sentence, 200, placeholder=' ...')}"
        raise BackboneError(
            f"The backbone {backbone.reference!r} cannot be used with a soft prompt ({reason}): choose another one."
        ) from error


class _Probe:
    """Two rows of unequal length behind a prompt, and the checks of how a backbone reads them."""

    def __init__(self, backbone: FrozenBackbone) -> None:
        self._backbone = backbone
        ids = iter(ordinary_ids(backbone, 2 * _PROMPT + sum(_INPUTS) + sum(_TARGETS)))

        def next_ids(count: int) -> Tensor:
            return torch.tensor([next(ids) for _ in range(count)], device=backbone.device)

        # Like a trained prompt, these are no embeddings of tokens: some models look for the ids of what they are given.
        pairs = backbone.embed(next_ids(2 * _PROMPT).view(_PROMPT, 2))
        self._prompt = pairs.detach().float().mean(dim=1).requires_grad_()
        pairs_of_ids = [(next_ids(i), next_ids(t)) for i, t in zip(_INPUTS, _TARGETS, strict=True)]
        self._rows = [_Row(*ids, self._plain(self._prompt, *ids)) for ids in pairs_of_ids]
        if not all(torch.isfinite(row.logits).all() for row in self._rows):
            raise _NotExact(f"its logits are not finite in {str(backbone.dtype).removeprefix('torch.')}")
        losses = [_log_likelihood(row.logits[None], row.target_ids[None]).sum() for row in self._rows]
        (self._gradient,) = torch.autograd.grad(torch.stack(losses).sum(), self._prompt)
        with torch.no_grad():
            self._without_prompt = self._plain(None, self._rows[1].input_ids, self._rows[1].target_ids)
            noise = self._noise()
        self._tolerance = tolerance(backbone.dtype, quantised=self._backbone.is_quantized, noise=noise)

    def _noise(self) -> float:
        """How much rounding alone changes the longer row's logits: read twice in one batch, and one token further."""
        row = self._rows[1]
        further = torch.cat([row.target_ids, row.target_ids[:1]])
        return distance(self._plain(self._prompt, row.input_ids, further, rows=2)[:-1], row.logits)

    def _plain(self, prompt: Tensor | None, input_ids: Tensor, target_ids: Tensor, rows: int = 1) -> Tensor:
        """Logits that predict a target, from one call of the model for one row (or copies of it) without padding."""
        backbone, keep = self._backbone, len(target_ids)
        ids = input_ids if backbone.is_encoder_decoder else torch.cat([input_ids, target_ids[:-1]])
        embeddings = backbone.embed(ids[None])
        if prompt is not None:
            embeddings = torch.cat([prompt.to(embeddings.dtype)[None], embeddings], dim=1)
        inputs = {"inputs_embeds": embeddings, **self._decoder_inputs(target_ids)}
        copies = {name: given.repeat_interleave(rows, dim=0) for name, given in inputs.items()}
        logits: Tensor = backbone.model(**copies).logits
        return logits[0, -keep:]

    def _decoder_inputs(self, target_ids: Tensor) -> dict[str, Tensor]:
        if not self._backbone.is_encoder_decoder:
            return {}
        start = target_ids.new_tensor([self._backbone.decoder_start_id])
        return {"decoder_input_ids": torch.cat([start, target_ids[:-1]])[None]}

    def check_order(self) -> None:
        """No token may be read with those that follow it, or a target would be seen before it is predicted.

        Masked tokens have a gradient of exactly 0 in every number format, whatever is rounded.
        """
        backbone, row = self._backbone, self._rows[1]
        embeddings = backbone.embed(torch.cat([row.input_ids, row.target_ids])[None]).detach().requires_grad_()
        logits = backbone.model(inputs_embeds=embeddings.clone()).logits[:, :-1]  # CTRL changes what it is given
        (gradient,) = torch.autograd.grad(logits.float().square().mean(), embeddings)
        sizes = gradient[0].float().norm(dim=1)
        if sizes[-1] > _FOLLOWING * sizes.max():
            raise _NotExact("it reads a token together with those that follow, as encoders do")

    @torch.no_grad()
    def check_embeddings(self) -> None:
        """Ids and their embeddings must be read alike: PEFT gives the model embeddings, and so does this package."""
        row = self._rows[1]
        ids = row.input_ids
        if not self._backbone.is_encoder_decoder:
            ids = torch.cat([ids, row.target_ids[:-1]])
        logits = self._backbone.model(input_ids=ids[None], **self._decoder_inputs(row.target_ids)).logits
        self._compare(
            logits[0, -len(row.target_ids) :],
            self._without_prompt,
            "it reads the embeddings of tokens in another way than the tokens, for example unscaled",
        )

    def check_reading(self) -> None:
        """Training, labels of several tokens and generation of a padded pair must give the logits of each row alone."""
        self._check_training()
        with torch.inference_mode():
            self._check_labels()
            self._check_generation()

    def _check_training(self) -> None:
        logits = target_logits(self._backbone, self._prompt, self._batch)
        for index, row in enumerate(self._rows):
            what = "rows of unequal length change each other's logits"
            self._compare(logits[index, : len(row.target_ids)], row.logits, what)
        targets, weights = self._batch.target_ids, self._batch.target_weights
        (gradient,) = torch.autograd.grad(sum_log_likelihood(logits, targets, weights).sum(), self._prompt)
        if not torch.isfinite(gradient).all():
            raise _NotExact("the prompt gets no finite gradient")
        far = (gradient - self._gradient).norm() / self._gradient.norm()
        plain = self._backbone.dtype == torch.float32 and not self._backbone.is_quantized
        if plain and not far <= _GRADIENT_TOLERANCE:
            raise _NotExact("rows of unequal length change the prompt's gradient")

    def _check_labels(self) -> None:
        """Reads both targets behind both inputs, the first with the prompt and the second without."""
        prompt = self._prompt.detach()
        prefixes = [make_prefix(self._backbone, prompt), make_prefix(self._backbone, None)]
        ids, mask = self._batch.target_ids[:, :-1], self._batch.target_mask[:, :-1]
        inputs = self._batch.input_ids, self._batch.input_mask
        first, read_on = read_inputs(self._backbone, prefixes, *inputs, ids.shape[1])
        behind = read_on(ids, mask)[[0, 3]]  # each row's own target
        for index, wanted in enumerate((self._rows[0].logits, self._without_prompt)):
            self._compare(first[index][None], wanted[:1], "a label's first token is scored otherwise than alone")
            read = behind[index, : len(wanted) - 1]
            self._compare(read, wanted[1:], "a label's tokens are scored otherwise than alone")

    def _check_generation(self) -> None:
        """Writes two tokens, both rows behind the prompt."""
        backbone, prompt = self._backbone, self._prompt.detach()
        prefixes = [make_prefix(backbone, prompt)] * 2
        watcher = _Watcher()
        inputs = self._batch.input_ids, self._batch.input_mask
        written = write(backbone, prefixes, *inputs, 2, may_end=False, watcher=watcher)
        for index, row in enumerate(self._rows):
            token = written[index, :1]
            # The last target token is never read, so what stands there does not matter.
            second = self._plain(prompt, row.input_ids, torch.cat([token, token]))[1:]
            wanted = torch.cat([row.logits[:1], second])
            got = torch.stack([logits[index] for logits in watcher.logits])
            self._compare(got, wanted, "its answers are not those to each input alone")

    @cached_property
    def _batch(self) -> Batch:
        side = "right" if self._backbone.is_encoder_decoder else "left"
        inputs, targets = [row.input_ids for row in self._rows], [row.target_ids for row in self._rows]
        target_mask = pad_sequence([torch.ones_like(ids) for ids in targets], batch_first=True)
        return Batch(
            pad_sequence(inputs, batch_first=True, padding_side=side),
            pad_sequence([torch.ones_like(ids) for ids in inputs], batch_first=True, padding_side=side),
            pad_sequence(targets, batch_first=True),
            target_mask,
            target_mask.float(),
        )

    def _compare(self, got: Tensor, wanted: Tensor, what: str) -> None:
        """Raises _NotExact if logits (positions, vocabulary) differ by more than rounding."""
        far = distance(got, wanted)
        if not far <= self._tolerance:  # also where it is no number
            raise _NotExact(f"{what}: {far:.2g} of their spread")


def _log_likelihood(logits: Tensor, ids: Tensor) -> Tensor:
    return sum_log_likelihood(logits, ids, torch.ones_like(ids, dtype=torch.float32))


def ordinary_ids(backbone: FrozenBackbone, count: int) -> list[int]:
    """Ids of a plain sentence's tokens, repeated if it has fewer."""
    ids = backbone.tokenizer(_TEXT, add_special_tokens=False).input_ids or [0]
    return [ids[index % len(ids)] for index in range(count)]
