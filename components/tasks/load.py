"""Loading a task: rows read, checked, labelled, sampled, and their facts."""

import dataclasses
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from components.artifacts.facts import DataFacts
from components.errors import InputError
from components.tasks.config import TaskConfig
from components.tasks.facts import digest_of, split_facts, unordered_pairs
from components.tasks.files import OPTIONAL_SPLIT, find_files, read_bytes
from components.tasks.kinds import LCQMC_SUFFIXES, TABLE_SUFFIXES
from components.tasks.lcqmc import parse_lcqmc
from components.tasks.sampling import stratified_sample
from components.tasks.table import parse_table


@dataclass(frozen=True, slots=True)
class TaskData:
    """A task's rows and what is known of them.

    Attributes:
        facts: Counts, lengths, leakage, digest.
        splits: For each split a table with `row` (position in the source, from 0), `text_a`,
            `text_b` (None for single sentences) and `label` (index into facts.labels, NA where the
            split has no labels).
    """

    facts: DataFacts
    splits: Mapping[str, pd.DataFrame]


@dataclass(frozen=True, slots=True)
class Source:
    """A split as it was read.

    Attributes:
        place: File name for messages.
        sha256: SHA-256 of its bytes.
        rows: text_a, text_b, label (text or None), line.
    """

    place: str
    sha256: str
    rows: pd.DataFrame


def load_task(config: TaskConfig) -> TaskData:
    """Reads a task's splits.

    Raises:
        InputError: A file is missing or malformed, a text is empty, a label of dev or test does not
            occur in train, train has one label only, or there are fewer rows than `train_samples`.
    """
    sources = _read_sample() if config.task == "sample" else _read_files(config)
    for source in sources.values():
        _check_texts(source)
    labels = _labels_of(sources["train"])
    splits = {split: _labelled(source, labels) for split, source in sources.items()}
    if config.train_samples:
        train = splits["train"]
        chosen = stratified_sample(
            train["label"].to_numpy(np.int64), config.train_samples, config.data_seed
        )
        splits["train"] = train.iloc[chosen].reset_index(drop=True)
    return TaskData(_facts(config, sources, splits, labels), splits)


def _read_sample() -> dict[str, Source]:
    # Imported here: no other task needs the lexicon.
    from components.tasks.sample import generate_sample

    sources = {}
    for split, rows in generate_sample().items():
        content = rows.to_csv(index=False, sep="\t").encode()
        line = np.arange(1, len(rows) + 1)
        sources[split] = Source(
            f"sample {split}", hashlib.sha256(content).hexdigest(), rows.assign(line=line)
        )
    return sources


def _read_files(config: TaskConfig) -> dict[str, Source]:
    files = find_files(config, LCQMC_SUFFIXES if config.task == "lcqmc" else TABLE_SUFFIXES)
    sources = {}
    for split, path in files.items():
        content = read_bytes(path)
        if config.task == "lcqmc":
            rows = parse_lcqmc(content, path)
        else:
            rows = parse_table(content, path, config, labelled=split != OPTIONAL_SPLIT)
        sources[split] = Source(str(path), hashlib.sha256(content).hexdigest(), rows)
    return sources


def _check_texts(source: Source) -> None:
    pair = source.rows["text_b"].notna().all()
    for column in ("text_a", "text_b") if pair else ("text_a",):
        empty = source.rows[column].str.strip() == ""
        if empty.any():
            lines = source.rows.loc[empty, "line"]
            raise InputError(
                f"{source.place} line {lines.iloc[0]}: {column} is empty ({len(lines)} such rows); "
                "remove these rows"
            )


def _labels_of(train: Source) -> tuple[str, ...]:
    """Returns the labels of train: by number if all are whole numbers, else by text."""
    labels = set(train.rows["label"])
    if "" in labels:
        line = train.rows.loc[train.rows["label"] == "", "line"].iloc[0]
        raise InputError(f"{train.place} line {line}: the label is empty")
    if len(labels) == 1:
        raise InputError(
            f"{train.place} has one label only, {labels.pop()!r}; a classifier needs at least two"
        )
    if all(label.lstrip("-").isdecimal() for label in labels):
        return tuple(sorted(labels, key=lambda label: (int(label), label)))
    return tuple(sorted(labels))


def _labelled(source: Source, labels: tuple[str, ...]) -> pd.DataFrame:
    """Returns the rows with class indices for labels."""
    rows = source.rows
    if unknown := set(rows["label"].dropna()) - set(labels):
        line, label = rows.loc[rows["label"].isin(unknown), ["line", "label"]].iloc[0]
        shown = ", ".join(map(repr, labels[:20])) + (" …" if len(labels) > 20 else "")
        raise InputError(
            f"{source.place} line {line}: label {label!r} does not occur in train, whose labels "
            f"are {shown}"
        )
    index = {label: number for number, label in enumerate(labels)}
    return pd.DataFrame(
        {
            "row": np.arange(len(rows)),
            "text_a": rows["text_a"].astype(object),
            "text_b": rows["text_b"].astype(object),
            "label": rows["label"].map(index).astype("Int64"),
        }
    )


def _facts(
    config: TaskConfig,
    sources: Mapping[str, Source],
    splits: Mapping[str, pd.DataFrame],
    labels: tuple[str, ...],
) -> DataFacts:
    train_pairs = set(unordered_pairs(splits["train"]))
    return DataFacts(
        task_name=config.name,
        labels=labels,
        pair=bool(splits["train"]["text_b"].notna().all()),
        splits={
            split: split_facts(
                rows,
                labels,
                None if split == "train" else train_pairs,
                len(sources[split].rows),
                sources[split].sha256,
            )
            for split, rows in splits.items()
        },
        digest=digest_of({split: source.sha256 for split, source in sources.items()}),
        config=dataclasses.asdict(config),
    )
