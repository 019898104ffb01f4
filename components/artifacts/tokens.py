"""The tokens folder: one Parquet a split, `tokenizer.json`, `vocab.txt`, `facts.json`.

A split's Parquet has one row for each row of the data, in file order, without padding: `row`
(int64, 0-based position in the source), `input_ids` (list of int32), `token_type_ids` (list of
int8: 0 up to the first [SEP], 1 after, 2 for XLNet's <cls>), `label` (int32 class index, null
where unknown), `text_a`, `text_b` (null for single sentences), `leaked`
(bool: the texts, in either order, also occur in the train rows used; false in train).

`vocab.txt` lists the entries in the order of the ids, one a line, whatever the tokenizer: for
SentencePiece its pieces, without their scores. `tokenizer.json` holds all of it.
"""

import hashlib
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from components.artifacts.facts import TokensFacts
from components.artifacts.folder import (
    MANIFEST,
    Manifest,
    new_folder,
    open_folder,
    read_json,
    write_json,
)
from components.errors import InputError

KIND = "tokens"
FACTS = "facts.json"
TOKENIZER = "tokenizer.json"
VOCAB = "vocab.txt"

SCHEMA = pa.schema(
    [
        ("row", pa.int64()),
        ("input_ids", pa.list_(pa.int32())),
        ("token_type_ids", pa.list_(pa.int8())),
        ("label", pa.int32()),
        ("text_a", pa.string()),
        ("text_b", pa.string()),
        ("leaked", pa.bool_()),
    ]
)

ROWS_OF_A_GROUP = 1 << 16
"""Rows that are written together, and held by who writes or reads a split group by group."""

TRAINED_COLUMNS = ("input_ids", "token_type_ids", "label")
"""What a model sees of a row."""


@dataclass(frozen=True, slots=True)
class Tokens:
    """A tokens folder, read.

    Attributes:
        facts: What tokenizing found.
        splits: One table for each split that was read, of the columns of `SCHEMA` that were.
        tokenizer_json: The tokenizer, as `tokenizers` stores it.
        vocab: The vocabulary, one entry a line, in the order of the ids.
    """

    facts: TokensFacts
    splits: Mapping[str, pa.Table]
    tokenizer_json: str
    vocab: str


@dataclass(frozen=True, slots=True)
class NewTokens:
    """A tokens folder that is being written.

    Attributes:
        folder: Where.
    """

    folder: Path

    def write_split(self, split: str, tables: Iterable[pa.Table]) -> None:
        """Writes the rows of a split, of which one table after the other is held."""
        with pq.ParquetWriter(self.folder / f"{split}.parquet", SCHEMA) as writer:
            for table in tables:
                writer.write_table(table, ROWS_OF_A_GROUP)

    def write_facts(self, facts: TokensFacts, tokenizer_json: str, vocab: str) -> None:
        """Writes what else a tokens folder holds."""
        (self.folder / TOKENIZER).write_text(tokenizer_json, encoding="utf-8")
        (self.folder / VOCAB).write_text(vocab, encoding="utf-8")
        write_json(self.folder / FACTS, facts)


@contextmanager
def new_tokens(path: Path) -> Iterator[NewTokens]:
    """Gives the tokens folder that becomes `path` on success.

    Raises:
        InputError: `path` cannot be written or holds something else.
    """
    with new_folder(path, KIND) as folder:
        yield NewTokens(folder)


def read_tokens(
    path: Path, *, splits: Collection[str] | None = None, columns: Sequence[str] = SCHEMA.names
) -> Tokens:
    """Reads a tokens folder, without what is not asked for.

    Args:
        path: The folder.
        splits: Splits to read; one that the folder lacks is left out. None: all of them.
        columns: Columns of `SCHEMA` to read.

    Raises:
        InputError: It is not a whole tokens folder.
    """
    folder = open_folder(path, KIND)
    facts = read_json(folder / FACTS, TokensFacts)
    return Tokens(
        facts=facts,
        splits={
            split: _read_split(folder / f"{split}.parquet", columns)
            for split in facts.splits
            if splits is None or split in splits
        },
        tokenizer_json=(folder / TOKENIZER).read_text(encoding="utf-8"),
        vocab=(folder / VOCAB).read_text(encoding="utf-8"),
    )


def rows_digest(path: Path, splits: Collection[str]) -> str:
    """Returns a SHA-256 over the files of some splits of a tokens folder that was read."""
    files = read_json(path / MANIFEST, Manifest).files
    digests = [files[f"{split}.parquet"].sha256 for split in splits]
    return hashlib.sha256("".join(digests).encode()).hexdigest()


def read_groups(path: Path, split: str) -> Iterator[pa.Table]:
    """Yields the rows of a split of a tokens folder that was read, `ROWS_OF_A_GROUP` at a time.

    Raises:
        InputError: An earlier version wrote the folder.
    """
    file = path / f"{split}.parquet"
    _check_columns(file)
    for batch in pq.ParquetFile(file).iter_batches(ROWS_OF_A_GROUP):
        yield pa.Table.from_batches([batch])


def _read_split(path: Path, columns: Sequence[str]) -> pa.Table:
    _check_columns(path)
    return pq.read_table(path, columns=list(columns))


def _check_columns(path: Path) -> None:
    """Checks the columns of a split, which an earlier version may have written otherwise."""
    present = pq.read_schema(path).names
    if missing := [name for name in SCHEMA.names if name not in present]:
        raise InputError(
            f"{path} is not of this version: it lacks the column {missing[0]}; run the step that "
            "writes it again"
        )
