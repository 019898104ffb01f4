"""The work of tokenize: a task's rows in, a tokens folder out."""

import dataclasses
import hashlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import pyarrow as pa

from components.artifacts.facts import LengthFacts, SplitTokenFacts, TokensFacts
from components.artifacts.folder import sha256_of
from components.artifacts.tokens import ROWS_OF_A_GROUP, SCHEMA, NewTokens, new_tokens
from components.errors import InputError
from components.progress import counting
from components.storage import fetch
from components.tasks import TaskConfig, TaskData, load_task
from components.tokenization import PackedRows, TextTokenizer, read_tokenizer, train_tokenizer
from components.tokenize.config import LOWER_CASE, TokenizeConfig

Array = np.ndarray[Any, Any]

OWN_VOCABULARY = "name the encoder's own vocab.txt, .model or tokenizer.json with vocab_file"


def tokenize(
    task: TaskConfig,
    config: TokenizeConfig,
    path: Path,
    *,
    checkpoint: Path | None = None,
    packing: str = "bert",
    named: str = "",
    data_digest: str = "",
    vocab_digest: str = "",
) -> TokensFacts:
    """Reads a task's data and writes its tokens folder.

    Args:
        task: The data.
        config: How texts become tokens.
        path: Folder to write to.
        checkpoint: Folder of the encoder, whose tokenizer is used; None for one from scratch.
        packing: How rows are packed: a name of `components.tokenization.PACKINGS`.
        named: What the user called the encoder.
        data_digest: Digest of the data that the caller asked for; what changed since is refused.
        vocab_digest: Likewise of `vocab_file`.

    Returns:
        The facts that it wrote.

    Raises:
        InputError: The data or the vocabulary cannot be used, the data changed since the digest
            was taken, or `path` cannot be written.
    """
    data = load_task(task)
    _check_digest("data", data.facts.digest, data_digest)
    if vocab_digest:
        _check_digest("vocab_file", sha256_of(fetch(config.vocab_file).path), vocab_digest)
    tokenizer = _tokenizer_for(data, config, checkpoint, packing, named)
    vocab = tokenizer.vocab_text
    with new_tokens(path) as new:
        splits = {}
        for split in data.splits:
            splits[split] = _write_split(new, split, data, tokenizer, config.max_seq_length)
            _check_unknown_share(split, splits[split], config, tokenizer, checkpoint)
        facts = TokensFacts(
            data=data.facts,
            splits=splits,
            vocab_size=tokenizer.vocab_size,
            vocab_source=tokenizer.source,
            vocab_sha256=hashlib.sha256(vocab.encode()).hexdigest(),
            packing=tokenizer.packing,
            lowercase=tokenizer.lowercase,
            lowercase_source=tokenizer.lowercase_source,
            config=dataclasses.asdict(config),
        )
        new.write_facts(facts, tokenizer.tokenizer_json, vocab)
    return facts


def _write_split(
    new: NewTokens, split: str, data: TaskData, tokenizer: TextTokenizer, max_seq_length: int
) -> SplitTokenFacts:
    """Tokenizes, packs and writes the rows of a split, one group after the other."""
    found: list[PackedCounts] = []

    def groups() -> Iterator[pa.Table]:
        rows, title = data.splits[split], f"tokenize: {split}"
        with counting(title, len(rows)) as counted:
            for start in range(0, len(rows), ROWS_OF_A_GROUP):
                group = rows.iloc[start : start + ROWS_OF_A_GROUP]
                table, counts = tokenize_rows(group, tokenizer, max_seq_length)
                found.append(counts)
                yield table
                counted(len(group))

    new.write_split(split, groups())
    for reason, count in data.facts.splits[split].dropped.items():
        print(f"tokenize: {split}: {count} rows dropped ({reason})", flush=True)
    return _split_facts(found)


def _check_digest(what: str, found: str, expected: str) -> None:
    if expected and found != expected:
        raise InputError(
            f"the {what} changed: its digest is {found}, expected {expected}; start the run again "
            "to use it as it is now"
        )


def _tokenizer_for(
    data: TaskData, config: TokenizeConfig, checkpoint: Path | None, packing: str, named: str
) -> TextTokenizer:
    do_lower_case = LOWER_CASE[config.do_lower_case]
    if checkpoint or config.vocab_file:
        return read_tokenizer(
            checkpoint,
            packing,
            vocab_file=config.vocab_file,
            do_lower_case=do_lower_case,
            named=named,
        )
    train = data.splits["train"]
    texts = [*train["text_a"], *(train["text_b"] if data.facts.pair else ())]
    return train_tokenizer(texts, config.vocab_size, do_lower_case)


class PackedCounts(NamedTuple):
    """What is counted of packed rows.

    Attributes:
        lengths: Tokens of each row, int64 [rows].
        truncated: Rows that lost tokens.
        text_tokens: Tokens of the texts, cut ones too, special ones not.
        unknown_tokens: Those of them that are the unknown token.
    """

    lengths: Array
    truncated: int
    text_tokens: int
    unknown_tokens: int


def tokenize_rows(
    rows: pd.DataFrame, tokenizer: TextTokenizer, max_seq_length: int
) -> tuple[pa.Table, PackedCounts]:
    """Tokenizes and packs rows of a split into a table of `SCHEMA`."""
    pair = rows["text_b"].notna().all()
    texts_a = rows["text_a"].tolist()
    texts_b = rows["text_b"].tolist() if pair else None
    packed = list(tokenizer.rows(texts_a, texts_b, max_seq_length))
    parts = [part.columns() for part in packed]
    columns: Mapping[str, object] = {
        "row": rows["row"],
        "input_ids": pa.chunked_array([part["input_ids"] for part in parts]),
        "token_type_ids": pa.chunked_array([part["token_type_ids"] for part in parts]),
        "label": rows["label"],
        "text_a": texts_a,
        "text_b": texts_b or [None] * len(rows),
        "leaked": rows["leaked"],
    }
    arrays = [
        column if isinstance(column, pa.ChunkedArray) else pa.array(column, field.type)
        for field in SCHEMA
        for column in [columns[field.name]]
    ]
    return pa.table(arrays, SCHEMA), _counts(packed)


def _counts(packed: Sequence[PackedRows]) -> PackedCounts:
    lengths = np.concatenate([part.lengths for part in packed])
    return PackedCounts(
        lengths=lengths,
        truncated=int((np.concatenate([part.full_lengths for part in packed]) > lengths).sum()),
        text_tokens=sum(part.text_tokens for part in packed),
        unknown_tokens=sum(part.unknown_tokens for part in packed),
    )


def _split_facts(groups: Sequence[PackedCounts]) -> SplitTokenFacts:
    lengths = np.concatenate([group.lengths for group in groups])
    text_tokens = sum(group.text_tokens for group in groups)
    unknown = sum(group.unknown_tokens for group in groups)
    return SplitTokenFacts(
        tokens=LengthFacts.of(lengths),
        truncated_share=sum(group.truncated for group in groups) / len(lengths),
        unknown_share=unknown / text_tokens if text_tokens else 0.0,
    )


def _check_unknown_share(
    split: str,
    facts: SplitTokenFacts,
    config: TokenizeConfig,
    tokenizer: TextTokenizer,
    checkpoint: Path | None,
) -> None:
    if facts.unknown_share <= config.max_unknown_share:
        return
    if config.vocab_file:
        cause = f"it is likely the vocabulary of another language or encoder; {OWN_VOCABULARY}"
    elif checkpoint:
        cause = (
            "the encoder was made for another language, or its folder holds another one's "
            f"vocabulary; choose an encoder of the language of the texts, or {OWN_VOCABULARY}"
        )
    else:
        cause = (
            "it has seen too few texts; use more train_samples, raise vocab_size, or name a "
            "vocab.txt with vocab_file"
        )
    raise InputError(
        f"{facts.unknown_share:.1%} of the tokens of {split} are unknown to the vocabulary "
        f"({tokenizer.source}), at most {config.max_unknown_share:.1%} is allowed: {cause}"
    )
