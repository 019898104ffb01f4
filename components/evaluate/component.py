"""The Kubeflow door of evaluate."""

from kfp import dsl

from components.image import IMAGE


@dsl.component(base_image=IMAGE, install_kfp_package=False)
def evaluate(
    tokens: dsl.Input[dsl.Dataset],
    model: dsl.Input[dsl.Model],
    evaluation: dsl.Output[dsl.Artifact],
    metrics: dsl.Output[dsl.Metrics],
    confusion_matrix: dsl.Output[dsl.ClassificationMetrics],
    predict_batch_size: int,
    eval_batch_size: int,
) -> None:
    """Measures a model on dev and test."""
    given = dict(locals())
    from components.evaluate.kubeflow import run

    run(given)
