"""Facts of a split: counts, lengths, duplicates, contradictions, leakage."""

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from components.artifacts.facts import LengthFacts, SplitFacts
from components.tasks.files import ROWS_AT_ONCE

if TYPE_CHECKING:
    import pandas as pd  # loads slowly, and the digest takes no table

Array = np.ndarray[Any, Any]

GOLDEN_RATIO = np.uint64(0x9E3779B97F4A7C15)
"""An odd number without a pattern: Knuth's multiplicative hashing, to 64 bits."""

CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ufffd]")
"""Characters the tokenizer drops: Unicode Cc but for tab and line breaks, and U+FFFD."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Texts:
    """What is counted of the texts of a split, without holding them.

    Two different texts have the same key once in 2**64 times: among 2 million rows, two of them
    once in 10 million splits.

    Attributes:
        keys: A number for the texts of each row, equal where they are; uint64 [rows].
        unordered: Likewise, equal for both orders of a pair; uint64 [rows].
        characters: Length of text_a plus text_b of each row, int64 [rows].
        control_characters: Rows that hold control characters, which the tokenizer removes.
    """

    keys: Array
    unordered: Array
    characters: Array
    control_characters: int

    @classmethod
    def of(cls, rows: "pd.DataFrame") -> "Texts":
        """Counts the texts of a table with the columns `text_a` and `text_b`."""
        starts = range(0, max(1, len(rows)), ROWS_AT_ONCE)
        parts = [_counted(rows.iloc[start : start + ROWS_AT_ONCE]) for start in starts]
        keys, unordered, characters, control = zip(*parts, strict=True)
        return cls(
            keys=np.concatenate(keys),
            unordered=np.concatenate(unordered),
            characters=np.concatenate(characters),
            control_characters=sum(control),
        )

    def among(self, others: "Texts") -> Array:
        """Tells for each row whether its texts, in either order, are among those of others."""
        return np.isin(self.unordered, others.unordered)


def _counted(rows: "pd.DataFrame") -> tuple[Array, Array, Array, int]:
    """Returns what stands in the attributes of `Texts`."""
    from pandas.util import hash_array  # here: the digest needs no tables, which load slowly

    texts_a = rows["text_a"].to_numpy(object)
    texts_b = rows["text_b"].where(rows["text_b"].notna(), "").to_numpy(object)
    a, b = (hash_array(texts, categorize=False) for texts in (texts_a, texts_b))
    joined = list(map("".join, zip(texts_a, texts_b, strict=True)))
    return (
        _pair_keys(a, b),
        _pair_keys(np.minimum(a, b), np.maximum(a, b)),
        np.fromiter(map(len, joined), np.int64, len(joined)),
        sum(map(bool, map(CONTROL.search, joined))),
    )


def _pair_keys(first: Array, second: Array) -> Array:
    """Joins two keys of each row into one, another for the other order; uint64."""
    return first * GOLDEN_RATIO + second


def split_facts(
    rows: "pd.DataFrame",
    texts: Texts,
    labels: Sequence[str],
    dropped: Mapping[str, int],
    rows_in_source: int,
    sha256: str,
) -> SplitFacts:
    """Returns the facts of a split, whose rows have the columns that `TaskData` names.

    `dropped` counts rows of the source that are none of the task's, by the reason why.
    """
    known = rows["label"].dropna().to_numpy(np.int64)
    counts = np.bincount(known, minlength=len(labels)).tolist()
    return SplitFacts(
        rows=len(rows),
        rows_in_source=rows_in_source,
        dropped=dict(dropped),
        label_counts=dict(zip(labels, counts, strict=True)) if len(known) else {},
        characters=LengthFacts.of(texts.characters),
        duplicates=duplicates(texts.keys, known),
        contradictions=contradictions(texts.keys, known),
        leaked=int(rows["leaked"].sum()),
        control_characters=texts.control_characters,
        sha256=sha256,
    )


def duplicates(keys: Array, labels: Array) -> int:
    """Counts rows that repeat an earlier row; without labels (none given) the texts alone."""
    return len(keys) - len(np.unique(_labelled(keys, labels)))


def contradictions(keys: Array, labels: Array) -> int:
    """Counts rows whose texts occur with another label too."""
    if not len(labels):
        return 0
    _, firsts = np.unique(_labelled(keys, labels), return_index=True)
    texts, labels_of_texts = np.unique(keys[firsts], return_counts=True)
    return int(np.isin(keys, texts[labels_of_texts > 1]).sum())


def _labelled(keys: Array, labels: Array) -> Array:
    """Returns keys of rows and labels; without labels those of the rows."""
    return _pair_keys(keys, labels.astype(np.uint64)) if len(labels) else keys


def digest_of(sha256_of_splits: Mapping[str, str]) -> str:
    """Returns the digest of a data set: SHA-256 over the lines `split NUL sha256`, sorted."""
    lines = (f"{split}\0{sha256}\n" for split, sha256 in sorted(sha256_of_splits.items()))
    return hashlib.sha256("".join(lines).encode()).hexdigest()
