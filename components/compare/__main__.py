"""`python -m components.compare`: finished evaluations become a report."""

from pathlib import Path
from typing import Annotated

import typer

from components.compare.facts import REPORT
from components.compare.report import plain_summary
from components.compare.step import compare
from components.flags import run_command


def main(
    evaluations: Annotated[
        list[Path],
        typer.Option(
            help="Evaluation folder that `python -m components.evaluate` wrote; give the flag once "
            "for each model, at least twice."
        ),
    ],
    comparison: Annotated[Path, typer.Option(help="Folder to write the comparison to.")],
) -> None:
    """Compares models that were evaluated on the same rows and says which one is better, if any.

    Writes `comparison.md` (the report), `loss_curves.png` (its picture) and `comparison.json`
    (every number of it).

    Example: `python -m components.compare --evaluations out/albert/evaluation
    --evaluations out/bert/evaluation --comparison out/comparison`
    """
    facts = compare(evaluations, comparison)
    print(plain_summary(facts))
    print(f"\nreport: {comparison / REPORT}")


if __name__ == "__main__":
    run_command(main)
