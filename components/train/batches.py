"""The order of the training rows: a full permutation each epoch, batches of like lengths."""

from collections.abc import Iterator
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]

BATCHES_IN_A_POOL = 50
"""Rows are sorted by length within this many batches: little padding, and still random batches."""


def step_count(examples: int, train_batch_size: int, num_train_epochs: float) -> int:
    """Returns the optimizer steps of a run, as google-research/bert counts them."""
    return int(examples / train_batch_size * num_train_epochs)


def parts_of(batch: Array, count: int) -> list[Array]:
    """Cuts a batch into `count` parts of as many rows each, shortest rows first."""
    return np.split(batch, count)


def batch_order(lengths: Array, batch_size: int, seed: int) -> Iterator[Array]:
    """Yields the row numbers of one batch after another, without end.

    Each epoch is a new random permutation of all rows. A permutation is cut into pools of
    `BATCHES_IN_A_POOL` batches; a pool is sorted by length, cut into batches, and its batches are
    shuffled. Rows left over at the end of an epoch start the next one, so that every batch is full.
    """
    generator = np.random.default_rng(seed)
    left_over: Array = np.empty(0, dtype=np.int64)
    while True:
        rows = np.concatenate([left_over, generator.permutation(len(lengths))])
        full = len(rows) // batch_size * batch_size
        left_over = rows[full:]
        pool_size = BATCHES_IN_A_POOL * batch_size
        for start in range(0, full, pool_size):
            pool = rows[start : min(start + pool_size, full)]
            by_length = pool[np.argsort(lengths[pool], kind="stable")]
            batches = by_length.reshape(-1, batch_size)
            yield from batches[generator.permutation(len(batches))]
