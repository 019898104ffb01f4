"""Loading a task: rows read, checked, labelled, sampled, and their facts."""

import dataclasses
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from components.artifacts.facts import DataFacts
from components.tasks.config import TaskConfig
from components.tasks.facts import Texts, digest_of, split_facts
from components.tasks.files import OPTIONAL_SPLIT, Source, each_source
from components.tasks.kinds import TASKS, TaskKind
from components.tasks.labels import check_known, class_indices, labels_of
from components.tasks.lcqmc import parse_lcqmc
from components.tasks.sampling import stratified_sample
from components.tasks.selection import check_any_stays, select_rows
from components.tasks.table import checked_texts, parse_table

TEXT = pd.StringDtype("pyarrow")


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
        source: The file, without its bytes.
        sha256: The digest of the bytes.
        rows: text_a, text_b, label (text or None), line and row of each of the task's rows.
        dropped: Other rows of the file, by the reason why.
    """

    source: Source
    sha256: str
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
    parsed = {split: _parse(config, split, source) for split, source in each_source(config)}
    train = parsed["train"]
    labels = labels_of(train.rows, train.source, TASKS[config.task].labels)
    splits = {split: _labelled(one, labels) for split, one in parsed.items()}
    if config.train_samples:
        rows = splits["train"]
        chosen = stratified_sample(
            rows["label"].to_numpy(np.int64), config.train_samples, config.data_seed
        )
        splits["train"] = rows.iloc[chosen].reset_index(drop=True)
    texts = {split: Texts.of(rows) for split, rows in splits.items()}
    for split, rows in splits.items():
        rows["leaked"] = split != "train" and texts[split].among(texts["train"])
    return TaskData(_facts(config, parsed, splits, texts, labels), splits)


def _parse(config: TaskConfig, split: str, source: Source) -> _Parsed:
    """Reads a split: no text is empty, and labels are the task's where it says which."""
    kind, labelled = TASKS[config.task], split != OPTIONAL_SPLIT
    file = kind.files.get(split)
    columns = config.columns if config.task == "table" else file.columns if file else {}
    if file and columns:
        tables = parse_table(source, columns, labelled, file.joined)
    else:
        tables = parse_lcqmc(source, labelled)
    dropped: Counter[str] = Counter()
    selected = _selected(tables, kind, config.rows_language, dropped)
    names: dict[str, str] = {}
    kept = []
    for rows in checked_texts(selected, columns, source):
        if kind.labels:
            check_known(rows, kind.labels, source, columns.get("label", "label"))
        kept.append(_compact(rows, names))
    rows = pd.concat(kept, ignore_index=True)
    check_any_stays(len(rows), dropped, source)
    return _Parsed(dataclasses.replace(source, content=b""), source.sha256, rows, dropped)


def _selected(
    tables: Iterable[pd.DataFrame], kind: TaskKind, language: str, dropped: Counter[str]
) -> Iterator[pd.DataFrame]:
    """Yields the task's rows of each table, and counts the others."""
    first = 0
    for rows in tables:
        numbers = np.arange(first, first + len(rows), dtype=np.int64)
        first += len(rows)
        kept, gone = select_rows(rows.assign(row=numbers), kind, language)
        dropped.update(gone)
        yield kept


def _compact(rows: pd.DataFrame, names: dict[str, str]) -> pd.DataFrame:
    """Holds texts as bytes in one piece, and of equal labels the first; `names` remembers them.

    Python's texts of a million pairs take several hundred megabytes.
    """
    texts = {c: rows[c].astype(TEXT) for c in ("text_a", "text_b") if rows[c].notna().any()}
    labels = [None if label is None else names.setdefault(label, label) for label in rows["label"]]
    return rows.assign(**texts, label=pd.Series(labels, dtype=object))


def _labelled(parsed: _Parsed, labels: tuple[str, ...]) -> pd.DataFrame:
    """Returns a split as `TaskData` holds it."""
    rows = parsed.rows
    return pd.DataFrame(
        {
            "row": rows["row"],
            "text_a": rows["text_a"],
            "text_b": rows["text_b"],
            "label": class_indices(rows, labels, parsed.source),
        }
    )


def _facts(
    config: TaskConfig,
    parsed: Mapping[str, _Parsed],
    splits: Mapping[str, pd.DataFrame],
    texts: Mapping[str, Texts],
    labels: tuple[str, ...],
) -> DataFacts:
    return DataFacts(
        task_name=config.name,
        labels=labels,
        pair=bool(splits["train"]["text_b"].notna().all()),
        splits={
            split: split_facts(
                rows,
                texts[split],
                labels,
                parsed[split].dropped,
                parsed[split].rows_in_source,
                parsed[split].sha256,
            )
            for split, rows in splits.items()
        },
        digest=digest_of({split: one.sha256 for split, one in parsed.items()}),
        config=dataclasses.asdict(config),
    )
