"""A trie of the labels' tokens: where labels differ, and what must be read to distinguish them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Branch:
    """A place in the trie where at least two different tokens follow the same tokens."""

    read: int | None
    """Index of a sequence in `LabelTrie.reads` that begins with the tokens before this place; None for the place before
    the first token"""
    depth: int
    """Number of tokens before this place"""
    tokens: tuple[int, ...]
    """The different tokens that follow"""


@dataclass(frozen=True)
class LabelTrie:
    """The branches of a trie of targets; each target ends with the end token, so none is the beginning of another."""

    branches: tuple[Branch, ...]
    """In the order of their reads; a branch before the first token is the first one"""
    reads: tuple[tuple[int, ...], ...]
    """Token sequences, longest first, whose reading reaches every branch behind the first token. They are fewer and
    shorter than the targets: a target needs no reading behind its last branch, and many targets share one read."""
    choices: tuple[tuple[tuple[int, int], ...], ...]
    """For each target its path through the trie: pairs of a branch and the index of the target's token there"""

    @classmethod
    def of(cls, targets: Sequence[Sequence[int]]) -> LabelTrie:
        """Builds the trie of targets, which are token ids."""
        reads: list[tuple[int, ...]] = []
        read_of_target: dict[int, int] = {}
        branches: list[tuple[Branch, Mapping[int, Sequence[int]]]] = []
        for depth, followers in sorted(_branches(targets), key=lambda branch: -branch[0]):
            members = [target for group in followers.values() for target in group]
            # The read of a deeper branch of the same target passes here as well.
            read = next((read_of_target[target] for target in members if target in read_of_target), None)
            if read is None and depth:
                read = len(reads)
                reads.append(tuple(targets[members[0]][:depth]))
                read_of_target.update(dict.fromkeys(members, read))
            branches.append((Branch(read if depth else None, depth, tuple(followers)), followers))
        branches.sort(key=lambda branch: -1 if branch[0].read is None else branch[0].read)
        choices: list[list[tuple[int, int]]] = [[] for _ in targets]
        for index, (_, followers) in enumerate(branches):
            for choice, group in enumerate(followers.values()):
                for target in group:
                    choices[target].append((index, choice))
        return cls(tuple(branch for branch, _ in branches), tuple(reads), tuple(map(tuple, choices)))

    def positions(self) -> list[frozenset[int]]:
        """Returns for each target the positions of the tokens that distinguish it from other targets."""
        return [frozenset(self.branches[branch].depth for branch, _ in way) for way in self.choices]


def _branches(targets: Sequence[Sequence[int]]) -> list[tuple[int, Mapping[int, Sequence[int]]]]:
    """Returns the depth of every branch, and the indices of the targets that continue with each of its tokens."""
    branches: list[tuple[int, Mapping[int, Sequence[int]]]] = []
    waiting = [(0, list(range(len(targets))))]
    while waiting:
        depth, members = waiting.pop()
        followers: dict[int, list[int]] = defaultdict(list)
        for target in members:
            if depth < len(targets[target]):
                followers[targets[target][depth]].append(target)
        if len(followers) > 1:
            branches.append((depth, followers))
        waiting += [(depth + 1, group) for group in followers.values() if len(group) > 1]
    return branches
