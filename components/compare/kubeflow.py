"""What the Kubeflow component of compare does: artifacts in, artifacts out.

Apart from `component.py`, because the kfp that runs inside a container cannot define components.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from components.errors import exit_on_input_error


def run(given: Mapping[str, Any]) -> None:
    """Does the work with what Kubeflow gave the component; `report` holds its picture inside."""
    from components.compare.step import compare as work
    from components.compare.step import self_contained_markdown

    comparison = Path(given["comparison"].path)
    with exit_on_input_error():
        work([Path(given["albert"].path), Path(given["bert"].path)], comparison)
        Path(given["report"].path).write_text(self_contained_markdown(comparison), encoding="utf-8")
