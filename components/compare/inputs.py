"""Reads evaluations and refuses those that cannot be compared."""

from collections.abc import Callable, Sequence
from itertools import pairwise
from pathlib import Path

import pandas as pd

from components.artifacts.evaluation import Evaluation, read_evaluation
from components.errors import InputError

DECISIVE_SPLITS = ("test", "dev")
"""Splits that may decide, the better first: dev was already used to choose checkpoints."""

# What must be equal, how to read it, and what to do about it when it is not.
_MUST_AGREE: tuple[tuple[str, Callable[[Evaluation], object], str], ...] = (
    ("task", lambda e: e.facts.tokens.data.task_name, "compare models of one task"),
    ("labels", lambda e: list(e.facts.tokens.data.labels), "compare models of one label set"),
    (
        "data digest",
        lambda e: e.facts.tokens.data.digest,
        "tokenize, train and evaluate both on the same files",
    ),
    ("measured splits", lambda e: sorted(e.facts.metrics), "evaluate both on the same splits"),
)


def read_comparable(paths: Sequence[Path]) -> list[Evaluation]:
    """Reads evaluation folders and checks that they measured the same rows of the same data.

    Raises:
        InputError: Fewer than two folders, one of them named twice or not whole, no labelled rows,
            or another task, label set, data or set of measured rows.
    """
    _check_paths(paths)
    evaluations = [read_evaluation(path) for path in paths]
    if not measured_splits(evaluations[0]):
        raise InputError(
            f"{paths[0]} has no metrics for dev or test: neither split has labels; "
            "evaluate on a split with labels"
        )
    for (path, evaluation), (next_path, following) in pairwise(
        zip(paths, evaluations, strict=True)
    ):
        _check_agreement(path, evaluation, next_path, following)
    return evaluations


def measured_splits(evaluation: Evaluation) -> list[str]:
    """Names the splits with metrics, the one that decides first."""
    return [split for split in DECISIVE_SPLITS if split in evaluation.facts.metrics]


def labelled_rows(evaluation: Evaluation, split: str) -> pd.DataFrame:
    """Returns the predictions of a split's rows that have a label, in the order of the rows."""
    predictions = evaluation.predictions
    chosen = predictions[(predictions["split"] == split) & predictions["label"].notna()]
    return chosen.sort_values("row", ignore_index=True)


def _check_paths(paths: Sequence[Path]) -> None:
    if len(paths) < 2:
        raise InputError(
            f"a comparison needs at least two evaluations, got {len(paths)}; "
            "give --evaluations once for each evaluation folder"
        )
    resolved = [path.resolve() for path in paths]
    for place, path in enumerate(paths):
        if resolved[place] in resolved[:place]:
            raise InputError(f"{path} is given twice; name each evaluation folder once")


def _check_agreement(path: Path, one: Evaluation, other_path: Path, other: Evaluation) -> None:
    for what, read, remedy in _MUST_AGREE:
        if read(one) != read(other):
            raise InputError(
                f"{path} and {other_path} cannot be compared, their {what} differ: "
                f"{read(one)} and {read(other)}; {remedy}"
            )
    for split in measured_splits(one):
        columns = ["row", "label"]
        rows, other_rows = (labelled_rows(e, split)[columns] for e in (one, other))
        if not rows.equals(other_rows):
            raise InputError(
                f"{path} and {other_path} cannot be compared, their measured {split} rows differ: "
                f"{len(rows)} and {len(other_rows)} rows with {len(rows.merge(other_rows))} in "
                "common; evaluate both on the same rows"
            )
