"""Chooses the rows that are held out: never trained on, only scored."""

from __future__ import annotations

import hashlib
import random
import unicodedata
from array import array
from collections import Counter, defaultdict
from collections.abc import Sequence
from functools import partial

from lamp.config import DataConfig
from lamp.errors import DataError

_ROWS_ABOVE_SHARE = 10
"""Rows beyond the asked share that may be held out, so that each of a few labels is scored."""


def same_input_key(text: str) -> str:
    """Returns a key that is equal for inputs that differ only in blanks around them and in Unicode composition."""
    text = text.strip()
    return text if text.isascii() else unicodedata.normalize("NFC", text)


def short_key(key: str) -> int:
    """Returns a 64-bit hash of a text, the same in every process."""
    return int.from_bytes(hashlib.blake2b(key.encode("utf-8", "surrogatepass"), digest_size=8).digest())


def repeated_keys(keys: Sequence[int]) -> set[int]:
    """Returns the keys that occur more than once.

    Sorting five million keys takes a tenth of the memory of counting them.
    """
    import numpy as np

    ordered = np.sort(np.asarray(keys, np.uint64))
    return set(ordered[1:][ordered[1:] == ordered[:-1]].tolist())


def held_out_rows(keys: Sequence[int], labels: Sequence[str], config: DataConfig) -> set[int]:
    """Returns the indices of the validation rows, with the same share of each label; deterministic.

    keys: one for each row; rows with equal keys are held out together or not at all (`short_key`); labels: one for each
    row, all the same for generation. Raises DataError if there are too few different keys to hold any row out.
    """
    drawn = _drawn(keys, labels, config.validation_share, config.max_validation_rows, config.split_seed)
    return drawn or _smallest_input(keys, labels, config)


def test_rows(keys: Sequence[int], labels: Sequence[str], config: DataConfig, of_rows: int) -> set[int]:
    """Returns the indices of the test rows, from those left after the validation rows; none if they are too few.

    keys, labels: as for `held_out_rows`; of_rows: number of all rows, of which the test gets its share.
    """
    if not config.test_share or not keys:
        return set()
    share = min(0.5, config.test_share * of_rows / len(keys))
    return _drawn(keys, labels, share, config.max_test_rows, config.split_seed)


def _drawn(keys: Sequence[int], labels: Sequence[str], share: float, most: int, seed: int) -> set[int]:
    """Draws a share of each label's rows, at most `most` in all; leaves at least one row of each label."""
    rows_of_label: dict[str, array[int]] = defaultdict(partial(array, "Q"))
    for index, label in enumerate(labels):
        rows_of_label[label].append(index)
    rows_of_repeated: dict[int, array[int]] = defaultdict(partial(array, "Q"))
    if repeated := repeated_keys(keys):
        for index, key in enumerate(keys):
            if key in repeated:
                rows_of_repeated[key].append(index)
    rng = random.Random(seed)
    for rows in rows_of_label.values():
        rng.shuffle(rows)
    counts = _counts([len(rows) for rows in rows_of_label.values()], share, most, rng)
    left = Counter(labels)
    held_out: set[int] = set()

    def hold_out(rows: Sequence[int], most: int) -> int:
        """Holds out up to `most` of the rows, with all that have the same input; returns their number."""
        count = 0
        for index in rows:
            if count == most:
                break
            copies = rows_of_repeated.get(keys[index], [index])
            if count + len(copies) > most or index in held_out:
                continue
            copies_of_label = Counter(labels[copy] for copy in copies)
            if all(left[label] > number for label, number in copies_of_label.items()):
                left.subtract(copies_of_label)
                held_out.update(copies)
                count += len(copies)
        return count

    missing = 0
    for rows, count in zip(rows_of_label.values(), counts, strict=True):
        missing += count - hold_out(rows, count)
    for rows in rows_of_label.values():
        missing -= hold_out(rows, missing)
    return held_out


def _counts(sizes: Sequence[int], share: float, most: int, rng: random.Random) -> list[int]:
    """Returns how many rows of each label to hold out. sizes: number of rows of each."""
    total = sum(sizes)
    share = min(share, most / total)
    asked = max(1, round(total * share))
    counts = [max(1, round(size * share)) if size > 1 else 0 for size in sizes]
    if sum(counts) <= min(most, asked + _ROWS_ABOVE_SHARE):
        return counts
    # One row of each of very many labels, or the rounding, would hold out too many: largest remainders get the rest.
    divisible = sum(size for size in sizes if size > 1)
    exact = [size * min(asked / divisible, 0.5) if size > 1 else 0.0 for size in sizes]
    counts = [int(number) for number in exact]
    order = rng.sample(range(len(sizes)), len(sizes))
    order.sort(key=lambda index: counts[index] - exact[index])
    for index in order[: asked - sum(counts)]:
        counts[index] += sizes[index] > 1
    return counts


def _smallest_input(keys: Sequence[int], labels: Sequence[str], config: DataConfig) -> set[int]:
    """Returns all rows of the input with the fewest rows, for tables in which each input has more rows than would be
    held out."""
    rows_of_input: dict[int, list[int]] = defaultdict(list)
    for index, key in enumerate(keys):
        rows_of_input[key].append(index)
    smallest = set(min((len(rows), rows) for rows in rows_of_input.values())[1])
    left = {label for index, label in enumerate(labels) if index not in smallest}
    if len(smallest) > config.max_validation_rows or left != set(labels):
        raise DataError(
            f"The {len(labels):,} rows have too few different inputs ({len(rows_of_input):,}) to hold some out: bring "
            "rows with other inputs, or choose more input columns."
        )
    return smallest
