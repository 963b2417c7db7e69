"""The tokens of a set of labels as a tree: where labels part, and what must be read to tell them apart."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Branch:
    """A place where labels part: after the same tokens, at least two different ones follow."""

    read: int | None
    """Index of a sequence in `LabelTrie.reads` that begins with the tokens before this place; None if there are none
    and labels part at their first token"""
    depth: int
    """How many tokens come before"""
    tokens: tuple[int, ...]
    """The different tokens that follow"""


@dataclass(frozen=True)
class LabelTrie:
    """Where labels part, for targets that end with an end token, so that no target begins another."""

    branches: tuple[Branch, ...]
    """In the order of their reads; the branch at the first token comes first"""
    reads: tuple[tuple[int, ...], ...]
    """Token sequences that pass every branch behind the first token, the longest first. Far fewer and shorter than the
    targets: the last branch of a target ends its reading, and targets share what they have in common"""
    choices: tuple[tuple[tuple[int, int], ...], ...]
    """For each target its branch and the index of its token there, for every branch on its way"""

    @classmethod
    def of(cls, targets: Sequence[Sequence[int]]) -> LabelTrie:
        """The trie of targets, each a sequence of token ids with the end token at the end."""
        found = _branches(targets)
        reads: list[tuple[int, ...]] = []
        read_of: dict[int, int] = {}
        placed: list[tuple[int | None, int, dict[int, list[int]]]] = []
        for depth, by_token in sorted(found, key=lambda branch: -branch[0]):
            members = [target for group in by_token.values() for target in group]
            # A longer read of one of the targets passes here as well.
            read = next((read_of[target] for target in members if target in read_of), None)
            if read is None and depth:
                read = len(reads)
                reads.append(tuple(targets[members[0]][:depth]))
                read_of.update((target, read) for target in members)
            placed.append((read if depth else None, depth, by_token))
        placed.sort(key=lambda branch: -1 if branch[0] is None else branch[0])
        choices: list[list[tuple[int, int]]] = [[] for _ in targets]
        for index, (_, _, by_token) in enumerate(placed):
            for child, group in enumerate(by_token.values()):
                for target in group:
                    choices[target].append((index, child))
        branches = tuple(Branch(read, depth, tuple(by_token)) for read, depth, by_token in placed)
        return cls(branches, tuple(reads), tuple(map(tuple, choices)))


def _branches(targets: Sequence[Sequence[int]]) -> list[tuple[int, dict[int, list[int]]]]:
    """Of every branch the number of tokens before it, and the indices of the targets that go on with each token."""
    found: list[tuple[int, dict[int, list[int]]]] = []
    waiting = [(0, list(range(len(targets))))]
    while waiting:
        depth, members = waiting.pop()
        by_token: dict[int, list[int]] = defaultdict(list)
        for target in members:
            if depth < len(targets[target]):
                by_token[targets[target][depth]].append(target)
        if len(by_token) > 1:
            found.append((depth, by_token))
        waiting += [(depth + 1, group) for group in by_token.values() if len(group) > 1]
    return found
