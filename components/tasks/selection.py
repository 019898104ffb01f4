"""Which rows of a file are the task's, and how their labels are spelled."""

from collections.abc import Mapping

import pandas as pd

from components.errors import InputError
from components.tasks.files import Source
from components.tasks.kinds import TaskKind


def select_rows(
    rows: pd.DataFrame, kind: TaskKind, language: str
) -> tuple[pd.DataFrame, dict[str, int]]:
    """Drops rows in other languages and rows on whose label the annotators did not agree.

    Returns:
        The rows that stay, their labels spelled as in `kind.labels`, and how many were dropped, by
        the reason why; a row counts for the first reason that applies to it.
    """
    gone = pd.Series(False, index=rows.index)
    dropped = {}
    for reason, applies in _reasons(rows, kind, language).items():
        if count := int((applies & ~gone).sum()):
            dropped[reason] = count
        gone |= applies
    kept = rows[~gone].reset_index(drop=True)
    spelled = [kind.spellings.get(label, label) for label in kept["label"]]
    return kept.assign(label=pd.Series(spelled, dtype=object)), dropped


def check_any_stays(rows: int, dropped: Mapping[str, int], source: Source) -> None:
    """Checks that the file has a row of the task.

    Raises:
        InputError: It has none.
    """
    if not rows:
        counts = " and ".join(f"{count} ({reason})" for reason, count in dropped.items())
        raise InputError(f"{source.name} has no row of the task: dropped are {counts}")


def _reasons(rows: pd.DataFrame, kind: TaskKind, language: str) -> dict[str, "pd.Series[bool]"]:
    """Returns the rows that each reason to drop one applies to."""
    reasons = {}
    if "language" in rows:
        reasons[f"language is not {language}"] = rows["language"] != language
    for label in kind.dropped_labels:
        reasons[f"label is {label}"] = rows["label"] == label
    return reasons
