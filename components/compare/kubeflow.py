"""What the Kubeflow components of compare do: artifacts in, artifacts out.

Apart from `component.py`, because the kfp that runs inside a container cannot define components.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from components.errors import exit_on_input_error


def run(evaluations: Sequence[Any], comparison: Any, report: Any, page: Any) -> None:
    """Does the work; `report` and `page` hold their pictures inside."""
    from components.compare.facts import PAGE
    from components.compare.step import compare as work
    from components.compare.step import self_contained_markdown

    folder = Path(comparison.path)
    with exit_on_input_error():
        work([Path(evaluation.path) for evaluation in evaluations], folder)
        Path(report.path).write_text(self_contained_markdown(folder), encoding="utf-8")
        Path(page.path).write_bytes((folder / PAGE).read_bytes())
