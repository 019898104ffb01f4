"""The Kubeflow doors of compare."""

from typing import List  # noqa: UP035 - kfp reads the annotation

from kfp import dsl

from components.image import IMAGE


@dsl.component(base_image=IMAGE, install_kfp_package=False)
def compare(
    albert: dsl.Input[dsl.Artifact],
    bert: dsl.Input[dsl.Artifact],
    comparison: dsl.Output[dsl.Artifact],
    report: dsl.Output[dsl.Markdown],
    page: dsl.Output[dsl.HTML],
) -> None:
    """Compares two evaluations and writes the report."""
    from components.compare.kubeflow import run

    run([albert, bert], comparison, report, page)


@dsl.component(base_image=IMAGE, install_kfp_package=False)
def compare_all(
    evaluations: dsl.Input[List[dsl.Artifact]],  # noqa: UP006
    comparison: dsl.Output[dsl.Artifact],
    report: dsl.Output[dsl.Markdown],
    page: dsl.Output[dsl.HTML],
) -> None:
    """Compares any number of evaluations and writes the report."""
    from components.compare.kubeflow import run

    run(evaluations, comparison, report, page)
