"""`python -m components.evaluate`: measures a model folder on dev and test."""

from typing import Annotated

import typer

from components.encoders.quiet import import_keras_quietly
from components.evaluate.config import EvaluateConfig
from components.flags import run_command
from components.storage.credentials import recordable


def main(
    tokens: Annotated[
        str, typer.Option(help="Tokens folder that the model was trained on, or its address.")
    ],
    model: Annotated[str, typer.Option(help="Model folder that train wrote, or its address.")],
    evaluation: Annotated[str, typer.Option(help="Folder or address to write the evaluation to.")],
    config: EvaluateConfig,
) -> None:
    """Measures a model on dev and test and writes every prediction.

    Example: `python -m components.evaluate --tokens out/tokens --model out/bert --evaluation
    out/bert-evaluation`
    """
    import_keras_quietly()
    # Here, so that --help need not load the backend and tables.
    from components.artifacts.evaluation import KIND
    from components.artifacts.places import artifact_at, artifact_place
    from components.evaluate.step import evaluate

    with artifact_place(evaluation, KIND) as folder:
        facts = evaluate(artifact_at(tokens), artifact_at(model), folder, config)
    for split, found in facts.metrics.items():
        print(
            f"{split}: accuracy {found.accuracy:.4f}, macro-F1 {found.macro_f1:.4f}, eval_loss "
            f"{found.eval_loss:.4f} ({found.rows} rows, majority {found.majority_baseline:.4f})"
        )
    print(f"evaluation: {recordable(evaluation)}")


if __name__ == "__main__":
    run_command(main)
