"""Reads evaluations and refuses those that cannot be compared."""

from collections.abc import Callable, Sequence
from itertools import pairwise
from pathlib import Path

from components.artifacts.evaluation import read_evaluation
from components.compare.runs import Run, measured_splits
from components.errors import InputError

# What must be equal, how to read it, and what to do about it when it is not.
_MUST_AGREE: tuple[tuple[str, Callable[[Run], object], str], ...] = (
    ("task", lambda run: run.facts.tokens.data.task_name, "compare models of one task"),
    ("labels", lambda run: list(run.facts.tokens.data.labels), "compare models of one label set"),
    (
        "data digest",
        lambda run: run.facts.tokens.data.digest,
        "tokenize, train and evaluate both on the same files",
    ),
    ("measured splits", lambda run: sorted(run.facts.metrics), "evaluate both on the same splits"),
)


def read_comparable(paths: Sequence[Path], sources: Sequence[str] = ()) -> list[Run]:
    """Reads evaluation folders and checks that they measured the same rows of the same data.

    Args:
        paths: The folders, at least two.
        sources: What the user called each of them; none given = the paths.

    Raises:
        InputError: Fewer than two folders, one of them named twice or not whole, no labelled rows,
            or another task, label set, data or set of measured rows.
    """
    _check_paths(paths)
    runs = []
    for path, source in zip(paths, sources or [str(path) for path in paths], strict=True):
        evaluation = read_evaluation(path)
        runs.append(Run(source, evaluation.facts, evaluation.predictions))
    if not measured_splits(runs[0]):
        raise InputError(
            f"{runs[0].source} has no metrics for dev or test: neither split has labels; "
            "evaluate on a split with labels"
        )
    for run, following in pairwise(runs):
        _check_agreement(run, following)
    return runs


def _check_paths(paths: Sequence[Path]) -> None:
    if len(paths) < 2:
        raise InputError(
            f"a comparison needs at least two evaluations, got {len(paths)}; "
            "name two or more evaluation folders"
        )
    resolved = [path.resolve() for path in paths]
    for place, path in enumerate(paths):
        if resolved[place] in resolved[:place]:
            raise InputError(f"{path} is given twice; name each evaluation folder once")


def _check_agreement(one: Run, other: Run) -> None:
    both = f"{one.source} and {other.source} cannot be compared, their"
    for what, read, remedy in _MUST_AGREE:
        if read(one) != read(other):
            raise InputError(f"{both} {what} differ: {read(one)} and {read(other)}; {remedy}")
    for split in measured_splits(one):
        rows, other_rows = (run.labelled_rows(split)[["row", "label"]] for run in (one, other))
        if not rows.equals(other_rows):
            raise InputError(
                f"{both} measured {split} rows differ: {len(rows)} and {len(other_rows)} rows with "
                f"{len(rows.merge(other_rows))} in common; evaluate both on the same rows"
            )
