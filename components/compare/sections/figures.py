"""How figures are written, and how one figure is drawn from the runs of a model."""

from collections.abc import Callable, Iterable, Sequence
from statistics import fmean

from components.artifacts.facts import EvaluationFacts, SplitMetrics
from components.compare.facts import ComparisonFacts, Interval, ModelFacts, Spread
from components.compare.settings import ABSENT

TABLE_HEADER = (
    "Task classification", "Global_step", "Eval_accuracy", "Eval_loss", "Loss", "Samples",
)  # fmt: skip
"""Columns of the experiment's table."""


def spread_text(spread: Spread) -> str:
    """Writes the mean of a share, and its standard deviation where there are several runs."""
    return f"{spread.mean:.4f}" + ("" if spread.std is None else f" ± {spread.std:.4f}")


def range_text(spread: Spread) -> str:
    """Writes smallest and largest of a share; nothing to write for a single run."""
    return ABSENT if spread.std is None else f"{spread.min:.4f} to {spread.max:.4f}"


def interval_text(interval: Interval) -> str:
    """Writes an interval of a share."""
    return f"{interval.lower:.4f} to {interval.upper:.4f}"


def signed(points: float) -> str:
    """Writes a difference in percentage points with its sign."""
    return f"{round(points, 2) + 0.0:+.2f}"


def over_runs(values: Iterable[float], write: Callable[[float], str]) -> str:
    """Writes a figure of several runs: the mean, and the range where they differ."""
    found = list(values)
    lowest, highest = write(min(found)), write(max(found))
    if lowest == highest:
        return lowest
    return f"{write(fmean(found))} ({lowest} to {highest})"


def seeds_text(model: ModelFacts) -> str:
    """Names the seeds of a model's runs."""
    return ", ".join(str(run.seed) for run in model.runs)


def first_run(model: ModelFacts) -> EvaluationFacts:
    """Returns the evaluation of a model's first run, which stands for what all runs share."""
    return model.runs[0].evaluation


def metrics_of(model: ModelFacts, split: str) -> list[SplitMetrics]:
    """Returns the metrics of a model's runs on a split."""
    return [run.evaluation.metrics[split] for run in model.runs]


def splits(comparison: ComparisonFacts) -> list[str]:
    """Names the measured splits, the one that decides first."""
    measured = first_run(comparison.models[0]).metrics
    return sorted(measured, key=lambda split: split != comparison.measured_on)


def labels(comparison: ComparisonFacts) -> tuple[str, ...]:
    """Returns every label, in the order of the classes."""
    return first_run(comparison.models[0]).tokens.data.labels


def several_runs(comparison: ComparisonFacts) -> bool:
    """Tells whether any model has more than one run."""
    return any(len(model.runs) > 1 for model in comparison.models)


def ranked(models: Sequence[ModelFacts]) -> list[ModelFacts]:
    """Sorts models by accuracy, the failed ones last."""
    return sorted(models, key=lambda model: (model.failed, -model.accuracy.mean))
