"""Facts of a split: counts, lengths, duplicates, contradictions, leakage."""

import hashlib
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence, Set
from typing import TYPE_CHECKING

import numpy as np

from components.artifacts.facts import LengthFacts, SplitFacts

if TYPE_CHECKING:
    import pandas as pd  # loads slowly, and the digest takes no table

CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ufffd]")
"""Characters the tokenizer drops: Unicode Cc but for tab and line breaks, and U+FFFD."""

TextPair = tuple[str, str]


def text_pairs(rows: "pd.DataFrame") -> list[TextPair]:
    """Returns text_a and text_b of each row; the second is empty for single sentences."""
    return list(zip(rows["text_a"], rows["text_b"].where(rows["text_b"].notna(), ""), strict=True))


def unordered(pairs: Iterable[TextPair]) -> list[TextPair]:
    """Returns each pair in one order for both ways round."""
    return [(a, b) if a <= b else (b, a) for a, b in pairs]


def leaked_rows(rows: "pd.DataFrame", train_pairs: Set[TextPair]) -> list[bool]:
    """Tells for each row whether its texts, in either order, are among those of the train rows."""
    return [pair in train_pairs for pair in unordered(text_pairs(rows))]


def split_facts(
    rows: "pd.DataFrame",
    labels: Sequence[str],
    dropped: Mapping[str, int],
    rows_in_source: int,
    sha256: str,
) -> SplitFacts:
    """Returns the facts of a split, whose rows have the columns that `TaskData` names.

    `dropped` counts rows of the source that are none of the task's, by the reason why.
    """
    pairs = text_pairs(rows)
    joined = list(map("".join, pairs))
    known = rows["label"].dropna().tolist()
    counts = Counter(known)
    return SplitFacts(
        rows=len(rows),
        rows_in_source=rows_in_source,
        dropped=dict(dropped),
        label_counts={label: counts[i] for i, label in enumerate(labels)} if known else {},
        characters=LengthFacts.of(np.fromiter(map(len, joined), np.int64)),
        duplicates=duplicates(pairs, known),
        contradictions=contradictions(pairs, known),
        leaked=int(rows["leaked"].sum()),
        control_characters=sum(map(bool, map(CONTROL.search, joined))),
        sha256=sha256,
    )


def duplicates(pairs: Sequence[TextPair], labels: Sequence[int]) -> int:
    """Counts rows that repeat an earlier row; without labels (none given) the texts alone."""
    rows = list(zip(pairs, labels, strict=True)) if labels else pairs
    return len(rows) - len(set(rows))


def contradictions(pairs: Sequence[TextPair], labels: Sequence[int]) -> int:
    """Counts rows whose texts occur with another label too."""
    if not labels:
        return 0
    labelled = set(zip(pairs, labels, strict=True))
    if len(labelled) == len(set(pairs)):
        return 0
    labels_of_pair = Counter(pair for pair, _ in labelled)
    return sum(labels_of_pair[pair] > 1 for pair in pairs)


def digest_of(sha256_of_splits: Mapping[str, str]) -> str:
    """Returns the digest of a data set: SHA-256 over the lines `split NUL sha256`, sorted."""
    lines = (f"{split}\0{sha256}\n" for split, sha256 in sorted(sha256_of_splits.items()))
    return hashlib.sha256("".join(lines).encode()).hexdigest()
