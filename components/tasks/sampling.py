"""A seeded sample of train rows in which every label keeps its share."""

from typing import Any

import numpy as np

from components.errors import InputError

Array = np.ndarray[Any, Any]


def rows_of_each_label(counts: Array, size: int) -> Array:
    """Shares `size` rows out to labels in proportion to their counts, by largest remainder.

    Every label gets at least one row where `size` allows it.
    """
    exact = counts * size / counts.sum()
    share = np.floor(exact).astype(int)
    for index in np.argsort(-(exact - share), kind="stable")[: size - share.sum()]:
        share[index] += 1
    while (share == 0).any() and share.max() > 1:
        share[share.argmax()] -= 1
        share[share.argmin()] += 1
    return np.asarray(share)


def stratified_sample(labels: Array, size: int, seed: int) -> Array:
    """Returns the positions of `size` rows, in file order; the same for the same seed.

    Raises:
        InputError: There are fewer rows than `size`.
    """
    if size > len(labels):
        raise InputError(f"train_samples is {size}, but train has only {len(labels)} rows")
    generator = np.random.default_rng(seed)
    classes, counts = np.unique(labels, return_counts=True)
    chosen = [
        generator.permutation(np.flatnonzero(labels == label))[:number]
        for label, number in zip(classes, rows_of_each_label(counts, size), strict=True)
    ]
    return np.sort(np.concatenate(chosen))
