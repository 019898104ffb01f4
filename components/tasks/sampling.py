"""A seeded sample of train rows in which every label keeps its share."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from components.errors import InputError

Array = np.ndarray[Any, Any]


def rows_of_each_label(counts: Sequence[int], size: int) -> list[int]:
    """Shares `size` rows out to labels in proportion to their counts, by largest remainder.

    Of equal remainders the earlier label wins. A label left with none takes a row from the label
    that has most. Needs as many rows as labels.
    """
    total = sum(counts)
    shares = [count * size // total for count in counts]
    by_remainder = sorted(range(len(counts)), key=lambda label: -(counts[label] * size % total))
    for label in by_remainder[: size - sum(shares)]:
        shares[label] += 1
    while 0 in shares:
        shares[shares.index(max(shares))] -= 1
        shares[shares.index(0)] = 1
    return shares


def stratified_sample(labels: Array, size: int, seed: int) -> Array:
    """Returns the positions of `size` rows, in file order; the same for the same seed.

    Every row draws a 64-bit number from PCG64, whose stream NumPy guarantees; of each label the
    rows with the smallest numbers are taken.

    Raises:
        InputError: `size` is more than there are rows or less than there are labels.
    """
    present, counts = np.unique(labels, return_counts=True)
    if size > len(labels):
        raise InputError(
            f"train_samples is {size}, but train has only {len(labels)} rows; 0 takes all"
        )
    if size < len(counts):
        raise InputError(
            f"train_samples is {size}, but train has {len(counts)} labels: at least one row of "
            "each is needed"
        )
    numbers = np.random.PCG64(seed).random_raw(len(labels))
    chosen = [
        rows[np.argsort(numbers[rows], kind="stable")[:share]]
        for label, share in zip(present, rows_of_each_label(counts.tolist(), size), strict=True)
        for rows in [np.flatnonzero(labels == label)]
    ]
    return np.sort(np.concatenate(chosen))
