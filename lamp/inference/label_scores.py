"""Computes the probability of each label as the answer to an input, in bounded memory."""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Iterable, Sequence
from itertools import accumulate

import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from lamp.backbone.frozen import FrozenBackbone
from lamp.backbone.prefix import Prefix, longest_prompt
from lamp.backbone.reading import read_inputs
from lamp.data.encoding import Encoder
from lamp.data.label_trie import LabelTrie
from lamp.inference.batched import OnProgress, rows_at_a_time, run_batched

_MEMORY_LIMIT = 64_000_000
"""The most numbers that one pass over label tokens may hold at a time, as `_numbers_per_read` estimates them."""


@torch.inference_mode()
def label_log_likelihoods(
    backbone: FrozenBackbone,
    prefixes: Sequence[Prefix],
    encoder: Encoder,
    inputs: Sequence[Sequence[int]],
    labels: Sequence[str],
    batch_size: int | None = None,
    on_progress: OnProgress = lambda _: None,
) -> Tensor:
    """Log-probability of every label, among the labels, behind every input: (inputs, labels), float32 on the CPU.

    Where labels differ, the backbone's probabilities of the tokens that can follow are scaled to add up to 1. The
    probability of a label is the product of these over its tokens and its end token, so all labels together add up to
    1. Labels that the tokenizer cannot distinguish each get the probability of all of them. prefixes: one for each
    input; on_progress may raise to stop the scoring.
    """
    trie = encoder.label_trie(labels)
    options = _Options(trie, backbone.device)
    longest_read = max(map(len, trie.reads), default=0)
    scores = torch.empty(len(inputs), len(labels))

    def score_rows(indices: Sequence[int]) -> None:
        ids, mask = encoder.pad_inputs([inputs[index] for index in indices], backbone.device)
        batch_prefixes = [prefixes[index] for index in indices]
        logits, read_on = read_inputs(backbone, batch_prefixes, ids, mask, longest_read)
        parts = [options.after_input(logits)]
        start = 0
        while start < len(trie.reads):
            numbers = len(ids) * _numbers_per_read(backbone, batch_prefixes, ids.shape[1], len(trie.reads[start]))
            reads = range(start, min(len(trie.reads), start + max(1, _MEMORY_LIMIT // numbers)))
            logits = read_on(*encoder.pad_targets(trie.reads[start : reads.stop], backbone.device))
            parts.append(options.after_reads(logits.view(len(ids), len(reads), *logits.shape[1:]), reads))
            start = reads.stop
        scores[indices] = options.log_probabilities(torch.cat(parts, dim=1)).cpu()

    def score(indices: Sequence[int]) -> None:
        rows = len(indices)
        if trie.reads:
            longest = max(len(inputs[index]) for index in indices)
            numbers = _numbers_per_read(backbone, [prefixes[index] for index in indices], longest, len(trie.reads[0]))
            rows = max(1, _MEMORY_LIMIT // numbers)
        for start in range(0, len(indices), rows):
            score_rows(indices[start : start + rows])

    size = batch_size or rows_at_a_time(backbone.device, on_cpu=32)
    run_batched([len(ids) for ids in inputs], size, score, on_progress)
    return scores


def vote(likelihoods: Tensor) -> Tensor:
    """The log of the mean probability that several prompts give each label: (inputs, labels).

    likelihoods: of each prompt, (prompts, inputs, labels). Lester et al. 2021 call this prompt ensembling.
    """
    return likelihoods.log_softmax(dim=2).logsumexp(dim=0) - math.log(len(likelihoods))


def _numbers_per_read(backbone: FrozenBackbone, prefixes: Sequence[Prefix], input_length: int, read_length: int) -> int:
    """Estimates how many numbers are in memory while one read of a label follows one input.

    They are the logits of the read, and the keys, values and attention weights of one layer; if the input is read again
    with every label, also that layer's states of all its tokens.
    """
    tokens = longest_prompt(prefixes) + input_length + read_length
    layer = 4 if backbone.is_encoder_decoder or backbone.shares_prompts(tokens) else 16
    return read_length * len(backbone.embedding.weight) + layer * tokens * backbone.hidden_size


class _Options:
    """The tokens to choose from at every branch of a label trie, as tensors that hold all branches in one row.

    The tokens at the first position come first, then those of each read.
    """

    def __init__(self, trie: LabelTrie, device: torch.device) -> None:
        def tensor(values: Iterable[int]) -> Tensor:
            return torch.tensor(list(values), dtype=torch.long, device=device)

        sizes = [len(branch.tokens) for branch in trie.branches]
        first_option = [0, *accumulate(sizes)]
        of_option = [branch for branch in trie.branches for _ in branch.tokens]
        self._tokens = tensor(token for branch in trie.branches for token in branch.tokens)
        self._branches = tensor(index for index, size in enumerate(sizes) for _ in range(size))
        reads = [-1 if branch.read is None else branch.read for branch in of_option]
        self._reads = tensor(reads)
        self._positions = tensor(branch.depth - 1 for branch in of_option)
        self._starts = [bisect_left(reads, read) for read in range(len(trie.reads) + 1)]
        self._number_of_branches = len(sizes)
        ways = [torch.tensor([first_option[branch] + choice for branch, choice in way]) for way in trie.choices]
        self._ways = pad_sequence(ways, batch_first=True, padding_value=len(of_option)).long().to(device)

    def after_input(self, logits: Tensor) -> Tensor:
        """Selects the options at the first position from logits (rows, vocabulary): (rows, options)."""
        return logits[:, self._tokens[: self._starts[0]]].float()

    def after_reads(self, logits: Tensor, reads: range) -> Tensor:
        """Selects the options of these reads from logits (rows, reads, longest, vocabulary): (rows, options)."""
        options = slice(self._starts[reads.start], self._starts[reads.stop])
        reads_of, positions, tokens = self._reads[options], self._positions[options], self._tokens[options]
        return logits[:, reads_of - reads.start, positions, tokens].float()

    def log_probabilities(self, logits: Tensor) -> Tensor:
        """Log-probability of every label: (rows, labels). logits: (rows, options)."""
        branches = self._branches.expand_as(logits)
        empty = logits.new_zeros(len(logits), self._number_of_branches)
        highest = empty.scatter_reduce(1, branches, logits, "amax", include_self=False)
        logits = logits - highest.gather(1, branches)
        sums = empty.scatter_add(1, branches, logits.exp())
        chosen = torch.nn.functional.pad(logits - sums.log().gather(1, branches), (0, 1))
        return chosen[:, self._ways].sum(dim=2)
