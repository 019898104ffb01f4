"""Facts of a split: counts, lengths, duplicates, contradictions, leakage."""

import hashlib
import re
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from components.artifacts.facts import LengthFacts, SplitFacts

CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ufffd]")
"""Characters the tokenizer drops: Unicode Cc without tab and line feed, and U+FFFD."""

TextPair = tuple[str, str]


def unordered_pairs(rows: pd.DataFrame) -> list[TextPair]:
    """Returns each row's texts in one order for both ways round."""
    seconds = rows["text_b"].fillna("")
    return [(a, b) if a <= b else (b, a) for a, b in zip(rows["text_a"], seconds, strict=True)]


def split_facts(
    rows: pd.DataFrame,
    labels: Sequence[str],
    train_pairs: set[TextPair] | None,
    rows_in_source: int,
    sha256: str,
) -> SplitFacts:
    """Returns the facts of a split; `train_pairs` is None for train itself."""
    texts = rows["text_a"].str.cat(rows["text_b"].fillna(""), sep="\n")
    counts = rows["label"].value_counts()
    keyed = pd.DataFrame({"texts": texts, "label": rows["label"].fillna(-1)})
    labels_of_texts = keyed.groupby("texts", sort=False)["label"].transform("nunique")
    lengths = rows["text_a"].str.len() + rows["text_b"].fillna("").str.len()
    labelled = bool(rows["label"].notna().all())
    return SplitFacts(
        rows=len(rows),
        rows_in_source=rows_in_source,
        label_counts=(
            {label: int(counts.get(i, 0)) for i, label in enumerate(labels)} if labelled else {}
        ),
        characters=LengthFacts.of(lengths.to_numpy(dtype=np.int64)),
        duplicates=int(keyed.duplicated().sum()),
        contradictions=int((labels_of_texts > 1).sum()),
        leaked=sum(p in train_pairs for p in unordered_pairs(rows)) if train_pairs else 0,
        control_characters=int(texts.str.contains(CONTROL).sum()),
        sha256=sha256,
    )


def digest_of(sha256_of_splits: Mapping[str, str]) -> str:
    """Returns the digest of a data set: SHA-256 over the lines `split NUL sha256`."""
    lines = (f"{split}\0{sha256}\n" for split, sha256 in sorted(sha256_of_splits.items()))
    return hashlib.sha256("".join(lines).encode()).hexdigest()
