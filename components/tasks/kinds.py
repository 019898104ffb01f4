"""The tasks by name."""

import difflib
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskKind:
    """A task that can be named.

    Attributes:
        name: What `--task` takes.
        description: What it is.
        files: The names it looks for in the folder, for each split.
        columns: What a row holds.
    """

    name: str
    description: str
    files: str
    columns: str


LCQMC_SUFFIXES = (".tsv", ".txt")
TABLE_SUFFIXES = (".csv", ".tsv", ".jsonl", ".json", ".parquet")

TASKS = {
    kind.name: kind
    for kind in (
        TaskKind(
            name="sample",
            description="Chinese question pairs, generated: same question or a near miss",
            files="none, it is built in",
            columns="text_a, text_b, label 0/1",
        ),
        TaskKind(
            name="lcqmc",
            description="LCQMC: Chinese question pairs, same meaning or not",
            files=f"train, dev, test with {' or '.join(LCQMC_SUFFIXES)}",
            columns="text_a ⇥ text_b ⇥ label 0/1; a header is detected; no quoting",
        ),
        TaskKind(
            name="table",
            description="your own data: one text or two a row, any number of labels",
            files=f"train, dev, test with {', '.join(TABLE_SUFFIXES)}",
            columns="by name: --text-a-column, --text-b-column, --label-column",
        ),
    )
}


def did_you_mean(given: str, known: Iterable[str]) -> str:
    """Returns `; did you mean 'NAME'?` for the known name closest to a mistyped one, or nothing."""
    by_lower_case = {name.lower(): name for name in known}
    close = difflib.get_close_matches(given.lower(), by_lower_case, n=1)
    return f"; did you mean {by_lower_case[close[0]]!r}?" if close else ""
