"""From examples to padded batches of token ids."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import tokenizers
import torch
from torch import Tensor

from lamp.backbone.batch import Batch
from lamp.config import DataConfig
from lamp.data.chat import ChatAffixes, chat_affixes
from lamp.data.splits import Example


@dataclass(frozen=True)
class Encoded:
    """One example as token ids."""

    input_ids: tuple[int, ...]
    target_ids: tuple[int, ...]
    """The target's tokens, the end-of-sequence token last."""

    @property
    def length(self) -> int:
        """Tokens the backbone must process for it."""
        return len(self.input_ids) + len(self.target_ids)


class Encoder:
    """Turns text into token ids the way one backbone's tokenizer wants it."""

    def __init__(
        self, tokenizer: Any, *, is_encoder_decoder: bool, config: DataConfig, end_weight: float = 1.0
    ) -> None:
        """end_weight: how much a target's end-of-sequence token counts beside its other tokens, which count 1."""
        self._tokenizer = tokenizer
        self._end_weight = end_weight
        self._is_encoder_decoder = is_encoder_decoder
        self.config = config
        self.chat = ChatAffixes()
        """What the backbone's chat template puts around every input."""
        if config.input_format == "chat":
            self.chat = chat_affixes(tokenizer, str(tokenizer.name_or_path))
        self.truncated = 0
        """Rows cut so far."""

    @cached_property
    def identity(self) -> str:
        """A digest of all that token ids follow from besides the texts: tokenizer, limits and chat template.

        Empty where the tokenizer cannot tell what it is made of.
        """
        if not self._tokenizer.is_fast:
            return ""
        backend = self._tokenizer.backend_tokenizer.to_str()
        limits = (self.config.max_input_tokens, self.config.max_target_tokens)
        parts = repr(
            (
                tokenizers.__version__,
                backend,
                self._tokenizer.eos_token_id,
                self._is_encoder_decoder,
                limits,
                tuple(self.chat),
            )
        )
        return hashlib.sha256(parts.encode("utf-8", "surrogatepass")).hexdigest()

    def encode(self, examples: Sequence[Example]) -> list[Encoded]:
        """Token ids of many examples at once."""
        inputs = self.inputs([example.text for example in examples], [example.template_suffix for example in examples])
        targets = self.targets([example.target for example in examples])
        return [Encoded(i, t) for i, t in zip(inputs, targets, strict=True)]

    def inputs(self, texts: Sequence[str], template_suffixes: Sequence[str]) -> list[tuple[int, ...]]:
        """Token ids of inputs.

        template_suffixes: the end of each text that belongs to the template. A text that is too long loses the tokens
        before this end; the end itself is always kept.
        """
        prefix, suffix = self.chat
        limit = self.config.max_input_tokens + sum(len(self._ids(part)) for part in self.chat if part)
        found = []
        wrapped = self._ids([prefix + text + suffix for text in texts])
        for text, template_suffix, ids in zip(texts, template_suffixes, wrapped, strict=True):
            if len(ids) > limit:
                self.truncated += 1
                end = (template_suffix if text.endswith(template_suffix) else "") + suffix
                kept = min(limit - 1, len(self._ids(end)))
                ids = [*ids[: limit - kept], *ids[len(ids) - kept :]]
            found.append(tuple(ids))
        return found

    def _ids(self, text: Any) -> Any:
        """Token ids of a text or of several; a chat template brings its own special tokens."""
        return self._tokenizer(text, add_special_tokens=not any(self.chat)).input_ids

    def targets(self, texts: Sequence[str]) -> list[tuple[int, ...]]:
        """Token ids of targets, the end-of-sequence token last; after plain text a causal model begins with a space."""
        limit = self.config.max_target_tokens
        end = self._tokenizer.eos_token_id
        distinct = list(dict.fromkeys(texts))
        ids_of = dict(zip(distinct, self.continuations(distinct), strict=True))
        return [(*ids_of[text][: limit - 1], end) for text in texts]

    def continuations(self, texts: Sequence[str]) -> list[tuple[int, ...]]:
        """Token ids of targets as they stand behind an input, without the end-of-sequence token.

        Tokenizers differ in what a leading space means, so the ids are read off the end of a text that has one, and
        a chat's off the end of what its template puts before the answer.
        """
        if not texts:
            return []
        if self._is_encoder_decoder:
            end = self._tokenizer.eos_token_id
            return [tuple(ids[:-1] if ids[-1] == end else ids) for ids in self._tokenizer(list(texts)).input_ids]
        lead, space = (self.chat.suffix, "") if any(self.chat) else (":", " ")
        before = self._tokenizer(lead, add_special_tokens=False).input_ids
        joined = [f"{lead}{space}{text}" for text in texts]
        found = []
        for text, whole in zip(texts, self._tokenizer(joined, add_special_tokens=False).input_ids, strict=True):
            if whole[: len(before)] == before and len(whole) > len(before):
                found.append(tuple(whole[len(before) :]))
            else:
                found.append(tuple(self._tokenizer(f"{space}{text}", add_special_tokens=False).input_ids))
        return found

    def batch(self, rows: Sequence[Encoded], device: torch.device) -> Batch:
        """Pads to the longest row, and no further."""
        inputs = self.pad_inputs([row.input_ids for row in rows], device)
        target_ids, target_mask = self.pad_targets([row.target_ids for row in rows], device)
        weights = target_mask.float()
        ends = torch.tensor([len(row.target_ids) - 1 for row in rows], device=device)
        weights[torch.arange(len(rows), device=device), ends] = self._end_weight
        return Batch(*inputs, target_ids, target_mask, weights)

    def pad_inputs(self, rows: Sequence[Sequence[int]], device: torch.device) -> tuple[Tensor, Tensor]:
        """Ids and mask, both (rows, longest).

        A causal model's inputs are padded on the left, so that each ends where its target begins. An encoder's are
        padded on the right: it counts positions from the virtual tokens on, and padding in between would shift them.
        """
        return self._pad(rows, device, left=not self._is_encoder_decoder)

    def pad_targets(self, rows: Sequence[Sequence[int]], device: torch.device) -> tuple[Tensor, Tensor]:
        """Ids and mask, both (rows, longest), padded on the right."""
        return self._pad(rows, device, left=False)

    def _pad(self, rows: Sequence[Sequence[int]], device: torch.device, *, left: bool) -> tuple[Tensor, Tensor]:
        longest = max(map(len, rows))
        ids = torch.full((len(rows), longest), self._tokenizer.pad_token_id or 0, dtype=torch.long)
        mask = torch.zeros((len(rows), longest), dtype=torch.long)
        for number, row in enumerate(rows):
            place = slice(longest - len(row), longest) if left else slice(0, len(row))
            ids[number, place] = torch.tensor(row, dtype=torch.long)
            mask[number, place] = 1
        return ids.to(device), mask.to(device)
