"""The Kubeflow door of compare."""

from kfp import dsl

from components.image import IMAGE


@dsl.component(base_image=IMAGE, install_kfp_package=False)
def compare(
    albert: dsl.Input[dsl.Artifact],
    bert: dsl.Input[dsl.Artifact],
    comparison: dsl.Output[dsl.Artifact],
    report: dsl.Output[dsl.Markdown],
) -> None:
    """Compares two evaluations and writes the report."""
    given = dict(locals())
    from components.compare.kubeflow import run

    run(given)
