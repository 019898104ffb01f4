"""The runs that failed: what was seen and what to try."""

from components.compare.blocks import Bullets, Section, Strong
from components.compare.facts import ComparisonFacts, FailureFacts, ModelFacts, RunFacts


def failures(comparison: ComparisonFacts) -> list[tuple[ModelFacts, RunFacts, FailureFacts]]:
    """Returns every failure with its model and run."""
    return [
        (model, run, failure)
        for model in comparison.models
        for run in model.runs
        for failure in run.failures
    ]


def failed_runs(comparison: ComparisonFacts) -> Section | None:
    """Writes why each run counts as FAILED; nothing where none does."""
    found = failures(comparison)
    if not found:
        return None
    items = tuple(
        (
            Strong(f"{model.name}, seed {run.seed}: {failure.kind.replace('_', ' ')}"),
            f": {failure.why}. {failure.advice}",
        )
        for model, run, failure in found
    )
    return Section("Failed runs", (Bullets(items),))
