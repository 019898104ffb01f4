"""The labels of a task and the class index of each row's label."""

import re

import pandas as pd

from components.errors import InputError
from components.tasks.files import Source

WHOLE_NUMBER = re.compile(r"-?[0-9]+")
SHOWN = 20  # labels listed in a message


def labels_of(train: pd.DataFrame, source: Source) -> tuple[str, ...]:
    """Returns the labels of train: by number if all are whole numbers, else by text.

    Raises:
        InputError: A label cannot be a name, or there is one label only.
    """
    labels = set(train["label"])
    if unfit := {label for label in labels if not _is_name(label)}:
        line, label = train.loc[train["label"].isin(unfit), ["line", "label"]].iloc[0]
        what = "is empty" if not label else f"{label!r} has spaces around it or control characters"
        raise InputError(f"{source.at(line)}: the label {what}; mend it in the file")
    if len(labels) == 1:
        raise InputError(
            f"{source.path} has one label only, {labels.pop()!r}; a classifier needs at least two"
        )
    if all(map(WHOLE_NUMBER.fullmatch, labels)):
        return tuple(sorted(labels, key=lambda label: (int(label), label)))
    return tuple(sorted(labels))


def _is_name(label: str) -> bool:
    return bool(label) and label == label.strip() and label.isprintable()


def class_indices(rows: pd.DataFrame, labels: tuple[str, ...], source: Source) -> "pd.Series[int]":
    """Returns the position of each row's label in `labels`; NA where the split has none.

    Raises:
        InputError: A label does not occur in train.
    """
    if unknown := set(rows["label"].dropna()) - set(labels):
        line, label = rows.loc[rows["label"].isin(unknown), ["line", "label"]].iloc[0]
        shown = ", ".join(map(repr, labels[:SHOWN])) + (" …" if len(labels) > SHOWN else "")
        raise InputError(
            f"{source.at(line)}: label {label!r} does not occur in train, whose labels are {shown}"
        )
    index = {label: number for number, label in enumerate(labels)}
    return rows["label"].map(index).astype("Int64")
