"""Turns examples into padded batches of token ids."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import tokenizers
import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from lamp.backbone.batch import Batch
from lamp.config import DataConfig
from lamp.data.chat import ChatAffixes, chat_affixes
from lamp.data.chat_turns import ChatTurns
from lamp.data.columns import Template
from lamp.data.conversation import messages_in
from lamp.data.label_tokens import label_problems
from lamp.data.label_trie import LabelTrie
from lamp.data.plain_text import PlainText
from lamp.data.splits import Example
from lamp.errors import DataError

COUNTS = ("truncated", "cut_targets", "joined_turns")
"""The attributes of an Encoder that count texts which could not be read as they are."""


@dataclass(frozen=True)
class Encoded:
    """One example as token ids."""

    input_ids: tuple[int, ...]
    target_ids: tuple[int, ...]
    """Tokens of the target, ending with the end-of-sequence token."""

    @property
    def length(self) -> int:
        """Number of tokens of input and target together."""
        return len(self.input_ids) + len(self.target_ids)


class Encoder:
    """Turns texts into token ids for one backbone and one recipe."""

    def __init__(
        self,
        tokenizer: Any,
        *,
        is_encoder_decoder: bool,
        config: DataConfig,
        labels: Sequence[str] = (),
        settled_weight: float = 1.0,
        chat: ChatAffixes | None = None,
    ) -> None:
        """labels: what targets are, in classification; settled_weight: weight in a label's loss of the tokens that do
        not distinguish it from other labels (see LabelTrie). Every other token has the weight 1. chat: what an exported
        prompt was trained with; the backbone's template may have changed since.

        Raises BackboneError if the recipe asks for a chat template that cannot be used; DataError for labels that the
        tokenizer cannot tell apart, or that are longer than a target may be.
        """
        self._tokenizer = tokenizer
        self._is_encoder_decoder = is_encoder_decoder
        self.config = config
        self.chat = ChatAffixes()
        """What the backbone's chat template puts around every input."""
        if config.input_format == "chat":
            self.chat = chat or chat_affixes(tokenizer, str(tokenizer.name_or_path))
        self.truncated = 0
        """Number of inputs that were too long and were cut, so far."""
        self.cut_targets = 0
        """Number of targets that were too long and were cut, so far."""
        self.joined_turns = 0
        """Number of conversations that the chat template could not hold as they are, so far."""
        self._settled_weight = settled_weight
        self._cells = PlainText(tokenizer, "".join(self.chat))
        self._answers = PlainText(tokenizer)
        if problems := label_problems(labels, self.continuations(labels), config.max_target_tokens):
            raise DataError(" ".join(problems))
        targets = self.targets(labels)
        self._choices = dict(zip(targets, LabelTrie.of(targets).positions(), strict=True))

    @cached_property
    def identity(self) -> str:
        """A digest of everything except the texts that token ids depend on: tokenizer, limits and chat template.

        Empty for a slow tokenizer, whose content cannot be read.
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
                str(self._tokenizer.chat_template) if any(self.chat) else "",
                ("special tokens in cells are text", self._template_tokens),
            )
        )
        return hashlib.sha256(parts.encode("utf-8", "surrogatepass")).hexdigest()

    def encode(self, examples: Sequence[Example]) -> list[Encoded]:
        """Token ids of many examples; counts what could not be read as it is (`COUNTS`)."""
        inputs = self.inputs([example.text for example in examples], [example.template_suffix for example in examples])
        targets = self.targets([example.target for example in examples])
        return [Encoded(i, t) for i, t in zip(inputs, targets, strict=True)]

    def inputs(self, texts: Sequence[str], template_suffixes: Sequence[str]) -> list[tuple[int, ...]]:
        """Token ids of inputs.

        template_suffixes: the end of each text that belongs to the template. A text that is too long loses the tokens
        before this end; the end itself is never cut. A conversation becomes turns of the chat template.
        """
        prefix, suffix = self.chat
        limit = self._longest_input
        inputs = []
        ids_of_texts = self._ids([prefix + text + suffix for text in texts])
        for text, template_suffix, ids in zip(texts, template_suffixes, ids_of_texts, strict=True):
            if any(self.chat) and (messages := messages_in(text)) is not None:
                turns = self._turns.encode(messages)
                self.truncated += turns.cut
                self.joined_turns += turns.joined
                inputs.append(tuple(turns.ids))
                continue
            if self._cells.count(text) > self._template_tokens:
                ids = self._ids_as_text(text)
            if len(ids) > limit:
                self.truncated += 1
                end = (template_suffix if text.endswith(template_suffix) else "") + suffix
                end_length = min(limit - 1, len(self._ids(end)))
                ids = [*ids[: limit - end_length], *ids[len(ids) - end_length :]]
            inputs.append(tuple(ids))
        return inputs

    def _ids(self, text: Any) -> Any:
        """Token ids of an input or of several; without special tokens for a chat template, which contains its own."""
        return self._tokenizer(text, add_special_tokens=not any(self.chat)).input_ids

    @cached_property
    def _longest_input(self) -> int:
        """Tokens of an input at most, with those of the chat template around it."""
        return self.config.max_input_tokens + sum(len(self._ids(part)) for part in self.chat if part)

    @cached_property
    def _turns(self) -> ChatTurns:
        return ChatTurns(self._tokenizer, self.chat, self._longest_input)

    @cached_property
    def _template_tokens(self) -> int:
        """Number of special tokens that the recipe's template itself writes into each text."""
        return self._cells.count(Template.of(self.config).render(defaultdict(str)))

    def _ids_as_text(self, text: str) -> list[int]:
        """Token ids of an input whose cells hold special tokens: only those of the chat template are special."""
        if not any(self.chat):
            return self._cells.ids(text, add_special_tokens=True)
        head, plain, tail = self._cells.inside(self.chat.prefix, text, self.chat.suffix)
        before, after = (list(self._ids(part)) if part else [] for part in (head, tail))
        return [*before, *self._cells.ids(plain, add_special_tokens=False), *after]

    def targets(self, texts: Sequence[str]) -> list[tuple[int, ...]]:
        """Token ids of targets, cut to the recipe's limit, with the end-of-sequence token at the end."""
        limit = self.config.max_target_tokens
        end = self._tokenizer.eos_token_id
        distinct = list(dict.fromkeys(texts))
        ids_of = dict(zip(distinct, self.continuations(distinct), strict=True))
        self.cut_targets += sum(len(ids_of[text]) >= limit for text in texts)
        return [(*ids_of[text][: limit - 1], end) for text in texts]

    def continuations(self, texts: Sequence[str]) -> list[tuple[int, ...]]:
        """Token ids of targets as they follow an input, without the end-of-sequence token.

        For a causal model a space separates plain text and target; a chat template's suffix needs none. Tokenizers
        treat a leading space differently, so each target is tokenized behind a lead (":" or the suffix), whose ids are
        then taken off.
        """
        if not texts:
            return []
        if self._is_encoder_decoder:
            end = self._tokenizer.eos_token_id
            ids_of_texts = [
                self._answers.ids(text, add_special_tokens=True) if self._answers.count(text) else ids
                for text, ids in zip(texts, self._tokenizer(list(texts)).input_ids, strict=True)
            ]
            return [tuple(ids[:-1] if ids[-1] == end else ids) for ids in ids_of_texts]
        lead, space = (self.chat.suffix, "") if any(self.chat) else (":", " ")
        lead_ids = self._tokenizer(lead, add_special_tokens=False).input_ids
        joined = [f"{lead}{space}{text}" for text in texts]
        continuations = []
        for text, ids in zip(texts, self._tokenizer(joined, add_special_tokens=False).input_ids, strict=True):
            if self._answers.count(text):
                continuations.append(self._continuation_as_text(text, lead, space))
            elif ids[: len(lead_ids)] == lead_ids and len(ids) > len(lead_ids):
                continuations.append(tuple(ids[len(lead_ids) :]))
            else:  # the end of the lead and the beginning of the target became one token
                continuations.append(tuple(self._tokenizer(f"{space}{text}", add_special_tokens=False).input_ids))
        return continuations

    def _continuation_as_text(self, text: str, lead: str, space: str) -> tuple[int, ...]:
        """As `continuations`, for a target that holds special tokens, which stay text."""
        _, lead, _ = self._cells.inside(lead, "", "")
        lead_ids = self._answers.ids(lead, add_special_tokens=False)
        ids = self._answers.ids(f"{lead}{space}{text}", add_special_tokens=False)
        if ids[: len(lead_ids)] != lead_ids:
            return tuple(self._answers.ids(f"{space}{text}", add_special_tokens=False))
        return tuple(ids[len(lead_ids) :])

    def label_trie(self, labels: Sequence[str]) -> LabelTrie:
        """Returns the trie of the labels, including their end tokens."""
        end = self._tokenizer.eos_token_id
        return LabelTrie.of([(*ids, end) for ids in self.continuations(labels)])

    def batch(self, rows: Sequence[Encoded], device: torch.device) -> Batch:
        """One batch of the rows, padded to the longest input and the longest target."""
        inputs = self.pad_inputs([row.input_ids for row in rows], device)
        target_ids, target_mask = self.pad_targets([row.target_ids for row in rows], device)
        weights = pad_sequence([torch.tensor(self._weights(row.target_ids)) for row in rows], batch_first=True)
        return Batch(*inputs, target_ids, target_mask, weights.to(device))

    def _weights(self, target_ids: tuple[int, ...]) -> list[float]:
        """The weight of each token in the target's loss."""
        choices = self._choices.get(target_ids, range(len(target_ids)))
        return [1.0 if position in choices else self._settled_weight for position in range(len(target_ids))]

    def pad_inputs(self, rows: Sequence[Sequence[int]], device: torch.device) -> tuple[Tensor, Tensor]:
        """Ids and mask, both (rows, longest).

        A causal model's inputs are padded on the left, so that each input ends where its target begins. An encoder's
        are padded on the right: it counts positions from the first virtual token, and padding between the virtual
        tokens and the input would shift the input's positions.
        """
        return self._pad(rows, device, "right" if self._is_encoder_decoder else "left")

    def pad_targets(self, rows: Sequence[Sequence[int]], device: torch.device) -> tuple[Tensor, Tensor]:
        """Ids and mask, both (rows, longest), padded on the right."""
        return self._pad(rows, device, "right")

    def _pad(self, rows: Sequence[Sequence[int]], device: torch.device, side: str) -> tuple[Tensor, Tensor]:
        ids = [torch.tensor(row, dtype=torch.long) for row in rows]
        mask = pad_sequence([torch.ones_like(row) for row in ids], batch_first=True, padding_side=side)
        padding = self._tokenizer.pad_token_id or 0
        padded = pad_sequence(ids, batch_first=True, padding_value=padding, padding_side=side)
        return padded.to(device), mask.to(device)
