"""The ids of many texts in one flat array."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import chain, pairwise
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]


@dataclass(frozen=True, slots=True)
class TokenIds:
    """The ids of several texts, one text behind the other.

    Attributes:
        values: The ids, int32 [tokens].
        offsets: Where each text starts, and the end of the last one, int64 [texts + 1].
    """

    values: Array
    offsets: Array

    @classmethod
    def of(cls, lists: Sequence[Sequence[int]]) -> "TokenIds":
        """Takes one sequence of ids a text."""
        return cls(np.fromiter(chain.from_iterable(lists), np.int32), offsets_of(lengths_of(lists)))

    def __len__(self) -> int:
        return len(self.offsets) - 1

    @property
    def lengths(self) -> Array:
        """Tokens of each text, int64 [texts]."""
        return np.diff(self.offsets)

    def lists(self) -> list[list[int]]:
        """Returns one list of ids a text."""
        values, ends = self.values.tolist(), self.offsets.tolist()
        return [values[start:end] for start, end in pairwise(ends)]

    def cut(self, lengths: Array) -> "TokenIds":
        """Returns the first `lengths` ids of each text."""
        if (lengths == self.lengths).all():
            return self
        places = ranges(self.offsets[:-1], lengths)
        return TokenIds(self.values[places], offsets_of(lengths))

    def chosen(self, texts: Array) -> "TokenIds":
        """Returns the ids of the texts at these positions, in this order."""
        lengths = self.lengths[texts]
        places = ranges(self.offsets[:-1][texts], lengths)
        return TokenIds(self.values[places], offsets_of(lengths))

    def replaced(self, positions: Array, parts: "TokenIds") -> "TokenIds":
        """Returns the same with the ids of `parts[i]` in place of the id at `positions[i]`.

        `positions` counts in `values`, and goes up.
        """
        counts = np.ones(len(self.values), np.int64)
        counts[positions] = parts.lengths
        ends = offsets_of(counts)
        values = np.repeat(self.values, counts)
        values[ranges(ends[positions], parts.lengths)] = parts.values
        return TokenIds(values, ends[self.offsets])


def joined(first: TokenIds, second: TokenIds) -> TokenIds:
    """Returns the ids of both."""
    return TokenIds(
        np.concatenate([first.values, second.values]),
        np.concatenate([first.offsets, first.offsets[-1] + second.offsets[1:]]),
    )


def lengths_of(items: Iterable[Any]) -> Array:
    """Returns the length of each item, int64."""
    return np.fromiter(map(len, items), np.int64)


def offsets_of(lengths: Array) -> Array:
    """Returns where each part starts when parts of these lengths lie behind one another.

    The end of the last one comes last: int64 [parts + 1].
    """
    offsets = np.zeros(len(lengths) + 1, np.int64)
    np.cumsum(lengths, out=offsets[1:])
    return offsets


def ranges(starts: Array, lengths: Array) -> Array:
    """Returns start, start + 1, … of each length, one range behind the other, int64."""
    offsets = offsets_of(lengths)
    return np.repeat(starts - offsets[:-1], lengths) + np.arange(offsets[-1])
