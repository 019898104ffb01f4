"""Loading a task: rows read, checked, labelled, sampled, and their facts."""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from components.artifacts.facts import DataFacts
from components.errors import InputError
from components.tasks.config import TaskConfig
from components.tasks.facts import digest_of, split_facts, text_pairs, unordered
from components.tasks.files import OPTIONAL_SPLIT, Source, read_sources
from components.tasks.labels import class_indices, labels_of
from components.tasks.lcqmc import parse_lcqmc
from components.tasks.sampling import stratified_sample
from components.tasks.table import parse_table


@dataclass(frozen=True, slots=True)
class TaskData:
    """A task's rows and what is known of them.

    Attributes:
        facts: Counts, lengths, leakage, digest.
        splits: For each split a table with `row` (position among the data rows of the source, from
            0), `text_a`, `text_b` (None for single sentences) and `label` (index into facts.labels,
            NA where the split has no labels).
    """

    facts: DataFacts
    splits: Mapping[str, pd.DataFrame]


def load_task(config: TaskConfig) -> TaskData:
    """Reads a task's splits.

    Raises:
        InputError: A file is missing or malformed, a text is empty, a label of dev or test does not
            occur in train, train has one label only, or `train_samples` are not to be had.
    """
    sources = read_sources(config)
    parsed = {split: _parse(config, split, source) for split, source in sources.items()}
    labels = labels_of(parsed["train"], sources["train"])
    splits = {split: _labelled(rows, labels, sources[split]) for split, rows in parsed.items()}
    if config.train_samples:
        train = splits["train"]
        chosen = stratified_sample(
            train["label"].to_numpy(np.int64), config.train_samples, config.data_seed
        )
        splits["train"] = train.iloc[chosen].reset_index(drop=True)
    rows_in_source = {split: len(rows) for split, rows in parsed.items()}
    return TaskData(_facts(config, sources, rows_in_source, splits, labels), splits)


def _parse(config: TaskConfig, split: str, source: Source) -> pd.DataFrame:
    """Returns text_a, text_b, label (text or None) and line of each row; no text is empty."""
    labelled = split != OPTIONAL_SPLIT
    if config.task == "table":
        rows = parse_table(source, config.columns, labelled)
    else:
        rows = parse_lcqmc(source, labelled)
    for column in ("text_a", "text_b"):
        empty = [
            line
            for text, line in zip(rows[column], rows["line"], strict=True)
            if text is not None and not text.strip()
        ]
        if empty:
            raise InputError(
                f"{source.at(empty[0])}: {config.columns.get(column, column)} is empty "
                f"({len(empty)} such rows); remove these rows"
            )
    return rows


def _labelled(rows: pd.DataFrame, labels: tuple[str, ...], source: Source) -> pd.DataFrame:
    """Returns a split as `TaskData` holds it."""
    return pd.DataFrame(
        {
            "row": np.arange(len(rows), dtype=np.int64),
            "text_a": rows["text_a"],
            "text_b": rows["text_b"],
            "label": class_indices(rows, labels, source),
        }
    )


def _facts(
    config: TaskConfig,
    sources: Mapping[str, Source],
    rows_in_source: Mapping[str, int],
    splits: Mapping[str, pd.DataFrame],
    labels: tuple[str, ...],
) -> DataFacts:
    train_pairs = set(unordered(text_pairs(splits["train"])))
    sha256 = {split: source.sha256 for split, source in sources.items()}
    return DataFacts(
        task_name=config.name,
        labels=labels,
        pair=bool(splits["train"]["text_b"].notna().all()),
        splits={
            split: split_facts(
                rows,
                labels,
                set() if split == "train" else train_pairs,
                rows_in_source[split],
                sha256[split],
            )
            for split, rows in splits.items()
        },
        digest=digest_of(sha256),
        config=dataclasses.asdict(config),
    )
