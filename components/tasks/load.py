"""Loading a task: rows read, checked, labelled, sampled, and their facts."""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from components.artifacts.facts import DataFacts
from components.tasks.config import TaskConfig
from components.tasks.facts import digest_of, leaked_rows, split_facts, text_pairs, unordered
from components.tasks.files import OPTIONAL_SPLIT, Source, read_sources
from components.tasks.kinds import TASKS
from components.tasks.labels import check_known, class_indices, labels_of
from components.tasks.lcqmc import parse_lcqmc
from components.tasks.sampling import stratified_sample
from components.tasks.selection import select_rows
from components.tasks.table import check_texts, parse_table


@dataclass(frozen=True, slots=True)
class TaskData:
    """A task's rows and what is known of them.

    Attributes:
        facts: Counts, lengths, leakage, digest.
        splits: For each split a table with `row` (position among the data rows of the source, from
            0; dropped rows have theirs too), `text_a`, `text_b` (None for single
            sentences), `label` (index into facts.labels, NA where the split has no labels) and
            `leaked` (whether the texts, in either order, also occur in the train rows used; False
            in train).
    """

    facts: DataFacts
    splits: Mapping[str, pd.DataFrame]


@dataclass(frozen=True, slots=True)
class _Parsed:
    """A split as its file has it.

    Attributes:
        rows: text_a, text_b, label (text or None), line and row of each of the task's rows.
        dropped: Other rows of the file, by the reason why.
    """

    rows: pd.DataFrame
    dropped: Mapping[str, int]

    @property
    def rows_in_source(self) -> int:
        return len(self.rows) + sum(self.dropped.values())


def load_task(config: TaskConfig) -> TaskData:
    """Reads a task's splits.

    Raises:
        InputError: A file is missing or malformed, a text is empty, a label is none of the task's
            or, where the task does not say which there are, does not occur in train, train has one
            label only, or `train_samples` are not to be had.
    """
    sources = read_sources(config)
    parsed = {split: _parse(config, split, source) for split, source in sources.items()}
    labels = labels_of(parsed["train"].rows, sources["train"], TASKS[config.task].labels)
    splits = {split: _labelled(one.rows, labels, sources[split]) for split, one in parsed.items()}
    if config.train_samples:
        train = splits["train"]
        chosen = stratified_sample(
            train["label"].to_numpy(np.int64), config.train_samples, config.data_seed
        )
        splits["train"] = train.iloc[chosen].reset_index(drop=True)
    train_pairs = frozenset(unordered(text_pairs(splits["train"])))
    for split, rows in splits.items():
        rows["leaked"] = False if split == "train" else leaked_rows(rows, train_pairs)
    return TaskData(_facts(config, sources, parsed, splits, labels), splits)


def _parse(config: TaskConfig, split: str, source: Source) -> _Parsed:
    """Reads a split: no text is empty, and labels are the task's where it says which."""
    kind, labelled = TASKS[config.task], split != OPTIONAL_SPLIT
    file = kind.files.get(split)
    columns = config.columns if config.task == "table" else file.columns if file else {}
    if file and columns:
        rows = parse_table(source, columns, labelled, file.joined)
    else:
        rows = parse_lcqmc(source, labelled)
    rows, dropped = select_rows(
        rows.assign(row=np.arange(len(rows), dtype=np.int64)), kind, config.rows_language, source
    )
    check_texts(rows, columns, source)
    if kind.labels:
        check_known(rows, kind.labels, source, columns.get("label", "label"))
    return _Parsed(rows, dropped)


def _labelled(rows: pd.DataFrame, labels: tuple[str, ...], source: Source) -> pd.DataFrame:
    """Returns a split as `TaskData` holds it."""
    return pd.DataFrame(
        {
            "row": rows["row"],
            "text_a": rows["text_a"],
            "text_b": rows["text_b"],
            "label": class_indices(rows, labels, source),
        }
    )


def _facts(
    config: TaskConfig,
    sources: Mapping[str, Source],
    parsed: Mapping[str, _Parsed],
    splits: Mapping[str, pd.DataFrame],
    labels: tuple[str, ...],
) -> DataFacts:
    sha256 = {split: source.sha256 for split, source in sources.items()}
    return DataFacts(
        task_name=config.name,
        labels=labels,
        pair=bool(splits["train"]["text_b"].notna().all()),
        splits={
            split: split_facts(
                rows,
                labels,
                parsed[split].dropped,
                parsed[split].rows_in_source,
                sha256[split],
            )
            for split, rows in splits.items()
        },
        digest=digest_of(sha256),
        config=dataclasses.asdict(config),
    )
