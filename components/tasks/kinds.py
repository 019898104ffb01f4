"""The tasks by name."""

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
