"""The work of tokenize: a task's rows in, a tokens folder out."""

import dataclasses
import hashlib
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
from tokenizers import Tokenizer

from components.artifacts.facts import LengthFacts, SplitTokenFacts, TokensFacts
from components.artifacts.folder import sha256_of
from components.artifacts.tokens import SCHEMA, Tokens, write_tokens
from components.errors import InputError
from components.storage import local_path
from components.tasks import TaskConfig, TaskData, load_task
from components.tokenize.config import SPECIAL_TOKENS_OF_A_PAIR, TokenizeConfig
from components.tokenize.packing import pack
from components.tokenize.wordpiece import (
    CLS,
    SEP,
    UNKNOWN,
    read_vocab,
    tokenizer_from_texts,
    tokenizer_from_vocab,
    vocab_text,
)


def tokenize(
    task: TaskConfig,
    config: TokenizeConfig,
    path: Path,
    data_digest: str = "",
    vocab_digest: str = "",
) -> TokensFacts:
    """Reads a task's data and writes its tokens folder.

    `data_digest` and `vocab_digest`, where given, are the digests of the data and of the vocabulary
    file that the caller asked for: what changed since then is refused.

    Raises:
        InputError: The data or the vocabulary cannot be used, the data changed since the digest
            was taken, or `path` cannot be written.
    """
    data = load_task(task)
    _check_digest("data", data.facts.digest, data_digest)
    if vocab_digest:
        _check_digest("vocab_file", sha256_of(local_path(config.vocab_file)), vocab_digest)
    tokenizer, source = _tokenizer_for(data, config)
    tables, split_facts = {}, {}
    for split, rows in data.splits.items():
        tables[split], split_facts[split] = tokenize_rows(rows, tokenizer, config.max_seq_length)
        _check_unknown_share(split, split_facts[split], config, source)
        print(f"tokenize: {split}: {len(rows)} rows", flush=True)
    vocab = vocab_text(tokenizer)
    facts = TokensFacts(
        data=data.facts,
        splits=split_facts,
        vocab_size=tokenizer.get_vocab_size(),
        vocab_source=source,
        vocab_sha256=hashlib.sha256(vocab.encode()).hexdigest(),
        config=dataclasses.asdict(config),
    )
    write_tokens(path, Tokens(facts, tables, tokenizer.to_str(), vocab))
    return facts


def _check_digest(what: str, found: str, expected: str) -> None:
    if expected and found != expected:
        raise InputError(
            f"the {what} changed: its digest is {found}, expected {expected}; start the run again "
            "to use it as it is now"
        )


def _tokenizer_for(data: TaskData, config: TokenizeConfig) -> tuple[Tokenizer, str]:
    """Returns the tokenizer and where its vocabulary came from."""
    if config.vocab_file:
        return tokenizer_from_vocab(read_vocab(config.vocab_file)), str(
            local_path(config.vocab_file)
        )
    train = data.splits["train"]
    texts = [*train["text_a"], *(train["text_b"] if data.facts.pair else ())]
    return tokenizer_from_texts(texts, config.vocab_size), "trained on the train texts"


def tokenize_rows(
    rows: pd.DataFrame, tokenizer: Tokenizer, max_seq_length: int
) -> tuple[pa.Table, SplitTokenFacts]:
    """Tokenizes and packs the rows of a split into a table of `SCHEMA`."""
    ids_a = _encode(rows["text_a"], tokenizer)
    pair = rows["text_b"].notna().all()
    ids_b = _encode(rows["text_b"], tokenizer) if pair else [None] * len(rows)
    vocab = tokenizer.get_vocab()
    cls, sep = vocab[CLS], vocab[SEP]
    packed = [pack(a, b, max_seq_length, cls, sep) for a, b in zip(ids_a, ids_b, strict=True)]
    columns: Mapping[str, object] = {
        "row": rows["row"],
        "input_ids": [input_ids for input_ids, _ in packed],
        "token_type_ids": [token_type_ids for _, token_type_ids in packed],
        "label": rows["label"],
        "text_a": rows["text_a"],
        "text_b": rows["text_b"] if pair else [None] * len(rows),
    }
    table = pa.table([pa.array(columns[f.name], f.type) for f in SCHEMA], SCHEMA)
    text_ids = [[*a, *(b or ())] for a, b in zip(ids_a, ids_b, strict=True)]
    kept = np.array([len(input_ids) for input_ids, _ in packed])
    specials = SPECIAL_TOKENS_OF_A_PAIR if pair else 2
    return table, _split_facts(text_ids, kept, specials, vocab[UNKNOWN])


def _encode(texts: "pd.Series[str]", tokenizer: Tokenizer) -> list[list[int]]:
    return [e.ids for e in tokenizer.encode_batch(texts.tolist(), add_special_tokens=False)]


def _split_facts(
    text_ids: list[list[int]],
    kept: "np.ndarray[tuple[int], np.dtype[np.int64]]",
    specials: int,
    unknown: int,
) -> SplitTokenFacts:
    full = np.array([len(ids) + specials for ids in text_ids])
    flat = np.fromiter((token for ids in text_ids for token in ids), dtype=np.int64)
    return SplitTokenFacts(
        tokens=LengthFacts.of(kept),
        truncated_share=float((full > kept).mean()),
        unknown_share=float((flat == unknown).mean()) if len(flat) else 0.0,
    )


def _check_unknown_share(
    split: str, facts: SplitTokenFacts, config: TokenizeConfig, source: str
) -> None:
    if facts.unknown_share <= config.max_unknown_share:
        return
    if config.vocab_file:
        cause = (
            "it is likely the vocabulary of another language or encoder; name the encoder's own "
            "vocab.txt with vocab_file"
        )
    else:
        cause = (
            "it has seen too few texts; use more train_samples, raise vocab_size, or name a "
            "vocab.txt with vocab_file"
        )
    raise InputError(
        f"{facts.unknown_share:.1%} of the tokens of {split} are unknown to the vocabulary "
        f"({source}), at most {config.max_unknown_share:.1%} is allowed: {cause}"
    )
