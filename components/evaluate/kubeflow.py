"""What the Kubeflow component of evaluate does: artifacts in, artifacts out.

Apart from `component.py`, because the kfp that runs inside a container cannot define components.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from components.artifacts.folder import write_json
from components.encoders.quiet import import_keras_quietly
from components.errors import exit_on_input_error
from components.evaluate.config import EvaluateConfig
from components.flags import config_from

MOST_LABELS_SHOWN = 100
"""A larger matrix nobody reads, and its cells are too much for Kubeflow's metadata."""


def run(given: Mapping[str, Any]) -> None:
    """Does the work with what Kubeflow gave the component; the pictures show test, else dev."""
    import_keras_quietly()
    from components.evaluate.step import evaluate as work

    with exit_on_input_error():
        facts = work(
            Path(given["tokens"].path),
            Path(given["model"].path),
            Path(given["evaluation"].path),
            config_from(EvaluateConfig, given),
        )
    shown = {
        f"{split}_{name}": getattr(found, name)
        for split, found in facts.metrics.items()
        for name in ("accuracy", "macro_f1", "eval_loss", "majority_baseline")
    }
    for name, value in shown.items():
        given["metrics"].log_metric(name, value)
    matrix = facts.metrics.get("test", facts.metrics["dev"]).confusion_matrix
    if len(matrix) <= MOST_LABELS_SHOWN:
        given["confusion_matrix"].log_confusion_matrix(
            list(facts.tokens.data.labels), [list(row) for row in matrix]
        )
    # KFP's local cache takes a task only if every artifact has a file, metadata alone is not one.
    write_json(Path(given["metrics"].path), shown)
    write_json(Path(given["confusion_matrix"].path), matrix)
