"""A tokens folder of generated rows, as tokenize would write it."""

import functools
import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from tokenizers import BertWordPieceTokenizer

from benchmarks.speed.measurement import PADDED_LENGTH
from benchmarks.speed.rows import LABELS, Row, vocabulary
from components.artifacts.facts import (
    DataFacts,
    LengthFacts,
    SplitFacts,
    SplitTokenFacts,
    TokensFacts,
)
from components.artifacts.tokens import SCHEMA, new_tokens

GENERATED = "generated"
NO_LENGTHS = LengthFacts.of(np.empty(0))


def table_of(rows: list[Row]) -> pa.Table:
    """Returns rows as the table of a split; their texts are empty."""
    columns: dict[str, Any] = {
        "row": range(len(rows)),
        "input_ids": [row.input_ids for row in rows],
        "token_type_ids": [row.token_type_ids for row in rows],
        "label": [row.label for row in rows],
        "text_a": [""] * len(rows),
        "text_b": [""] * len(rows),
        "leaked": [False] * len(rows),
    }
    return pa.table([pa.array(columns[field.name], field.type) for field in SCHEMA], SCHEMA)


def _split_facts(rows: list[Row]) -> SplitFacts:
    counts = {label: sum(row.label == i for row in rows) for i, label in enumerate(LABELS)}
    return SplitFacts(
        rows=len(rows),
        rows_in_source=len(rows),
        dropped={},
        label_counts=counts,
        characters=NO_LENGTHS,
        duplicates=0,
        contradictions=0,
        leaked=0,
        control_characters=0,
        sha256="",
    )


def _token_facts(rows: list[Row]) -> SplitTokenFacts:
    lengths = LengthFacts.of(np.array([len(row) for row in rows]))
    return SplitTokenFacts(tokens=lengths, truncated_share=0.0, unknown_share=0.0)


@functools.cache
def _tokenizer_json() -> str:
    ids = {entry: index for index, entry in enumerate(vocabulary())}
    return str(BertWordPieceTokenizer(ids).to_str())


def write_rows(folder: Path, splits: dict[str, list[Row]]) -> None:
    """Writes a tokens folder of these splits."""
    vocab = "".join(f"{entry}\n" for entry in vocabulary())
    data = DataFacts(
        task_name=GENERATED,
        labels=LABELS,
        pair=True,
        splits={name: _split_facts(rows) for name, rows in splits.items()},
        digest="",
        config={},
    )
    longest = max(len(row) for rows in splits.values() for row in rows)
    facts = TokensFacts(
        data=data,
        splits={name: _token_facts(rows) for name, rows in splits.items()},
        vocab_size=len(vocabulary()),
        vocab_source=GENERATED,
        vocab_sha256=hashlib.sha256(vocab.encode()).hexdigest(),
        packing="bert",
        lowercase=True,
        lowercase_source=GENERATED,
        config={"max_seq_length": max(PADDED_LENGTH, longest)},
    )
    with new_tokens(folder) as new:
        for name, rows in splits.items():
            new.write_split(name, [table_of(rows)])
        new.write_facts(facts, _tokenizer_json(), vocab)
