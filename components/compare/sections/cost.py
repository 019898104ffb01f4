"""What the models cost, beside what they reach."""

from collections.abc import Callable, Mapping

from components.compare.blocks import Figure, Paragraph, Section, Table
from components.compare.facts import ComparisonFacts, ModelFacts
from components.compare.sections.figures import spread_text
from components.compare.settings import ABSENT

QUALITY_AND_COST = "quality_and_cost.png"

MIB, GIB = 2**20, 2**30

_COST: Mapping[str, Callable[[ModelFacts], str]] = {
    "Accuracy": lambda m: spread_text(m.accuracy),
    "Trainable parameters": lambda m: f"{m.cost.parameters:,}",
    "Weights on disk": lambda m: f"{m.cost.weights_bytes / MIB:,.1f} MiB",
    "Training seconds": lambda m: f"{m.cost.train_seconds:,.1f}",
    "Rows a second in training": lambda m: f"{m.cost.train_examples_per_second:,.1f}",
    "Rows a second in prediction": lambda m: f"{m.cost.predict_examples_per_second:,.1f}",
    "Latency of one row, median": lambda m: f"{m.cost.latency_p50_ms:,.2f} ms",
    "Latency of one row, p95": lambda m: f"{m.cost.latency_p95_ms:,.2f} ms",
    "Peak host memory in training": lambda m: f"{m.cost.peak_memory_bytes / GIB:.2f} GiB",
    "Peak accelerator memory": lambda m: _gib(m.cost.peak_accelerator_memory_bytes),
    "Accelerator hours of a training": lambda m: f"{m.cost.accelerator_hours:.3f}",
    "Seconds of all runs, other rates too": lambda m: f"{m.cost.search_seconds:,.1f}",
}


def _gib(size: int | None) -> str:
    return ABSENT if size is None else f"{size / GIB:.2f} GiB"


def cost_beside_quality(comparison: ComparisonFacts) -> Section:
    """Writes a column for each model."""
    models = comparison.models
    rows = tuple((what, *(read(model) for model in models)) for what, read in _COST.items())
    table = Table(name="Cost", header=("", *(m.name for m in models)), rows=rows)
    figure = Figure(
        QUALITY_AND_COST,
        f"Accuracy on {comparison.measured_on} against training seconds and against latency",
    )
    note = "Means over the runs of a model; the peaks are the largest of them."
    return Section("Cost beside quality", (table, figure, Paragraph(note)))
