"""`python -m components.compare`: finished evaluations become a report."""

from typing import Annotated

import typer

from components.artifacts.places import artifact_at, artifact_place
from components.compare.facts import KIND, REPORT
from components.compare.report import plain_summary
from components.compare.step import compare
from components.flags import run_command


def main(
    evaluations: Annotated[
        list[str],
        typer.Option(
            help="Evaluation folder that `python -m components.evaluate` wrote, or its address; "
            "give the flag once for each model, at least twice."
        ),
    ],
    comparison: Annotated[str, typer.Option(help="Folder or address to write the comparison to.")],
) -> None:
    """Compares models that were evaluated on the same rows and says which one is better, if any.

    Writes `comparison.md` (the report), `loss_curves.png` (its picture) and `comparison.json`
    (every number of it).

    Example: `python -m components.compare --evaluations out/albert/evaluation
    --evaluations out/bert/evaluation --comparison out/comparison`
    """
    with artifact_place(comparison, KIND) as folder:
        facts = compare([artifact_at(evaluation) for evaluation in evaluations], folder)
    print(plain_summary(facts))
    print(f"\nreport: {comparison.rstrip('/')}/{REPORT}")


if __name__ == "__main__":
    run_command(main)
