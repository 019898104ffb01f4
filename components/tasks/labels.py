"""The labels of a task and the class index of each row's label."""

import re

import pandas as pd

from components.errors import InputError
from components.tasks.files import Source
from components.tasks.kinds import MOST_LABELS, listed

WHOLE_NUMBER = re.compile(r"-?[0-9]+")


def labels_of(train: pd.DataFrame, source: Source, known: tuple[str, ...] = ()) -> tuple[str, ...]:
    """Returns the classes: the labels known of the task, else those of train.

    The labels of train are sorted by number if all are whole numbers, else by text. Known ones stay
    as they are, and rare ones that train lacks stay in, so that results can be compared.

    Raises:
        InputError: A label cannot be a name, or train has one label only, or too many.
    """
    labels = set(train["label"])
    if unfit := {label for label in labels if not _is_name(label)}:
        line, label = train.loc[train["label"].isin(unfit), ["line", "label"]].iloc[0]
        what = "is empty" if not label else f"{label!r} has spaces around it or control characters"
        raise InputError(f"{source.at(line)}: the label {what}; mend it in the file")
    if len(labels) == 1:
        raise InputError(
            f"{source.name} has one label only, {labels.pop()!r}; a classifier needs at least two"
        )
    if len(labels) > MOST_LABELS:
        raise InputError(
            f"{source.name} has {len(labels):,} labels, at most {MOST_LABELS:,} are allowed; if "
            "they are ids or numbers, name another column with label_column; else put rare "
            "labels together as one"
        )
    if known:
        return known
    if all(map(WHOLE_NUMBER.fullmatch, labels)):
        return tuple(sorted(labels, key=lambda label: (int(label), label)))
    return tuple(sorted(labels))


def _is_name(label: str) -> bool:
    return bool(label) and label == label.strip() and label.isprintable()


def check_known(rows: pd.DataFrame, known: tuple[str, ...], source: Source, column: str) -> None:
    """Checks that every label is one of those known of the task.

    Raises:
        InputError: Another label occurs.
    """
    if unknown := set(rows["label"].dropna()) - set(known):
        line, label = rows.loc[rows["label"].isin(unknown), ["line", "label"]].iloc[0]
        raise InputError(
            f"{source.at(line)} column {column!r}: label {label!r}, expected one of {listed(known)}"
        )


def class_indices(rows: pd.DataFrame, labels: tuple[str, ...], source: Source) -> "pd.Series[int]":
    """Returns the position of each row's label in `labels`; NA where the split has none.

    Raises:
        InputError: A label does not occur in train.
    """
    if unknown := set(rows["label"].dropna()) - set(labels):
        line, label = rows.loc[rows["label"].isin(unknown), ["line", "label"]].iloc[0]
        raise InputError(
            f"{source.at(line)}: label {label!r} does not occur in train, whose labels are "
            f"{listed([*map(repr, labels)])}"
        )
    index = {label: number for number, label in enumerate(labels)}
    return rows["label"].map(index).astype("Int64")
