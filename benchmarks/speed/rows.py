"""Rows with the lengths that LCQMC's packed pairs have, generated from a seed.

Lengths are a log-normal's quantiles at evenly spaced places, in a random order: a few hundred rows
have the mean and the percentiles of all of LCQMC (mean 28.0 tokens, median 27, 95% up to 40, 99% up
to 48, the longest 75). How much padding a batch has does not hold for many rows when it is measured
on few: rows are sorted by length within some tens of batches, which needs as many. So trainings
draw at least `LEAST_BATCHES` of rows, do few steps of the epoch, and do them in the order, of some
random ones, in which the steps measured are most like all others (`most_typical`).
"""

import functools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import NormalDist
from typing import Any

import numpy as np

MEAN_TOKENS = 28.0
"""Mean length of LCQMC's packed rows in tokens."""

MEDIAN, SIGMA = 27.2, 0.24
"""The log-normal's median in tokens, and the standard deviation of the length's logarithm."""

SHORTEST, LONGEST = 7, 75

LEAST_BATCHES = 200
"""Batches of rows drawn for a training: four of Hugging Face's pools of 50, the most it makes."""

TRIED_ORDERS = 100
"""Random orders of which the most typical one is taken."""

LABELS = ("0", "1")
SPECIAL_TOKENS = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
PAD, _, CLS, SEP, _ = range(len(SPECIAL_TOKENS))
VOCAB_SIZE = 21_128
"""Entries of the vocabulary of bert-base-chinese."""

Array = np.ndarray[Any, Any]


@dataclass(frozen=True, slots=True)
class Row:
    """A packed pair: `input_ids` and `token_type_ids`, int32 [tokens], and a class index."""

    input_ids: Array
    token_type_ids: Array
    label: int

    def __len__(self) -> int:
        return len(self.input_ids)


def vocabulary() -> list[str]:
    """Returns as many invented entries as bert-base-chinese has, the special tokens first."""
    ordinary = (f"w{number}" for number in range(VOCAB_SIZE - len(SPECIAL_TOKENS)))
    return [*SPECIAL_TOKENS, *ordinary]


@functools.cache
def _quantiles(count: int) -> Array:
    """Returns the lengths in tokens at `count` evenly spaced places of the distribution."""
    normal = NormalDist()
    places = [normal.inv_cdf((index + 0.5) / count) for index in range(count)]
    lengths = np.rint(MEDIAN * np.exp(SIGMA * np.array(places)))
    return np.clip(lengths, SHORTEST, LONGEST).astype(int)


def lengths(count: int, seed: int) -> Array:
    """Returns the lengths of `count` rows in tokens, in a random order."""
    return np.random.default_rng(seed).permutation(_quantiles(count))


def draw(count: int, seed: int, length: int = 0) -> list[Row]:
    """Draws rows of random tokens and labels, all of `length` tokens where that is not 0."""
    generator = np.random.default_rng([seed, 1])
    drawn = np.full(count, length) if length else lengths(count, seed)
    return [_row(generator, int(tokens)) for tokens in drawn]


def _row(generator: np.random.Generator, length: int) -> Row:
    input_ids = generator.integers(len(SPECIAL_TOKENS), VOCAB_SIZE, length, dtype=np.int32)
    first_sep = (length - 1) // 2
    input_ids[0], input_ids[first_sep], input_ids[-1] = CLS, SEP, SEP
    segments = (np.arange(length) > first_sep).astype(np.int32)
    return Row(input_ids, segments, int(generator.integers(len(LABELS))))


def padded(rows: Sequence[Row], width: int) -> dict[str, Array]:
    """Returns rows padded to `width`: `input_ids`, `token_type_ids`, `attention_mask`, int32."""
    columns = {
        name: np.zeros((len(rows), width), np.int32)
        for name in ("input_ids", "token_type_ids", "attention_mask")
    }
    for index, row in enumerate(rows):
        columns["input_ids"][index, : len(row)] = row.input_ids
        columns["token_type_ids"][index, : len(row)] = row.token_type_ids
        columns["attention_mask"][index, : len(row)] = 1
    return columns


def labels_of(rows: Sequence[Row]) -> Array:
    """Returns the rows' class indexes, int32 [rows]."""
    return np.array([row.label for row in rows], np.int32)


def most_typical(lengths: Array, epochs: Iterable[Array], steps: slice) -> int:
    """Returns the place of the epoch whose steps in `steps` are most like all its steps.

    That is in mean and median tokens and in padding to the longest row of a batch.

    Args:
        lengths: Tokens of each row.
        epochs: Orders of the rows, int [batches, batch size].
        steps: What is measured of each.
    """
    distances = []
    for batches in epochs:
        tokens = lengths[batches].sum(axis=1)
        computed = lengths[batches].max(axis=1) * batches.shape[1]
        figures = [
            np.array([real.mean(), np.median(real), padded_to.sum() / real.sum()])
            for real, padded_to in ((tokens[steps], computed[steps]), (tokens, computed))
        ]
        distances.append(np.abs(figures[0] / figures[1] - 1).max())
    return int(np.argmin(distances))
