"""`bakeoff compare`: a report anew, from evaluations of one run or of several."""

import sys
from typing import Annotated

import typer

from components.compare.facts import KIND, PAGE, REPORT, ComparisonFacts
from components.storage.credentials import recordable

FailIf = Annotated[
    list[str] | None,
    typer.Option(
        "--fail-if",
        help="End with exit code 1 if this holds, such as 'albert.accuracy < bert.accuracy - 0.01' "
        "or 'bert.failed'; repeatable.",
    ),
]


def compare(
    runs: Annotated[
        list[str],
        typer.Argument(
            help="Evaluation folders, comparison folders, or folders with evaluations below them; "
            "addresses too."
        ),
    ],
    comparison: Annotated[
        str, typer.Option(help="Folder or address to write the comparison to.")
    ] = KIND,
    fail_if: FailIf = None,
) -> None:
    """Writes a comparison of finished evaluations, also of several runs.

    Runs that differ in nothing but seed and learning_rate count as one model.

    Example: `bakeoff compare runs/reports/lcqmc-1f0e8a3b gs://BUCKET/runs/2 --fail-if bert.failed`
    """
    from components.compare.fail_if import check_conditions
    from components.compare.sources import find_evaluations

    check_conditions(fail_if or [])
    compare_folders([str(path) for path in find_evaluations(runs)], comparison, fail_if or [])


def compare_folders(evaluations: list[str], comparison: str, conditions: list[str]) -> None:
    """Compares evaluations at any address, prints the result and checks the conditions.

    Raises:
        InputError: Something cannot be read, compared or written, or a condition is none.
        typer.Exit: A condition holds: exit code 1.
    """
    # Here, so that --help loads no tables, pictures and statistics.
    from components.artifacts.places import artifact_at, artifact_place
    from components.compare.fail_if import check_conditions
    from components.compare.report import plain_summary
    from components.compare.step import compare

    check_conditions(conditions)
    with artifact_place(comparison, KIND) as folder:
        found = [artifact_at(evaluation) for evaluation in evaluations]
        facts = compare(found, folder, [*map(recordable, evaluations)])
    print(plain_summary(facts))
    place = recordable(comparison).rstrip("/")
    print(f"\npage: {place}/{PAGE}\nreport: {place}/{REPORT}")
    end_if(conditions, facts)


def end_if(conditions: list[str], facts: ComparisonFacts) -> None:
    """Ends the command with exit code 1 if a condition holds, and says which.

    Raises:
        InputError: A condition names a model that the comparison has not.
        typer.Exit: A condition holds.
    """
    from components.compare.fail_if import conditions_met

    if met := conditions_met(conditions, facts):
        for condition in met:
            print(f"--fail-if holds: {condition}", file=sys.stderr)
        raise typer.Exit(1)
