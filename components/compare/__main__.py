"""`python -m components.compare`: finished evaluations become a report."""

from typing import Annotated

import typer

from components.compare.command import FailIf, compare_folders
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
    fail_if: FailIf = None,
) -> None:
    """Compares models that were evaluated on the same rows and says which one is better, if any.

    Writes `comparison.md` (the report), `comparison.html` (the same as a page), their pictures and
    `comparison.json` (every number of them).

    Example: `python -m components.compare --evaluations out/albert/evaluation
    --evaluations out/bert/evaluation --comparison out/comparison`
    """
    compare_folders(evaluations, comparison, fail_if or [])


if __name__ == "__main__":
    run_command(main)
