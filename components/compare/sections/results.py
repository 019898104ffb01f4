"""The results of every run on every split, and of every class."""

from statistics import fmean

from components.artifacts.facts import SplitMetrics
from components.compare.blocks import Block, Figure, Line, Paragraph, Part, Section, Table
from components.compare.facts import ComparisonFacts, ModelFacts, RunFacts
from components.compare.sections.figures import (
    interval_text,
    labels,
    metrics_of,
    seeds_text,
    several_runs,
    splits,
)

ACCURACY = "accuracy.png"

_LARGEST_MATRIX = 12  # classes; a larger matrix is no longer read, its largest cells are
_CONFUSIONS_SHOWN = 20
_MATRIX_TITLE = "true labels in rows, predicted labels in columns."
_MISTAKES_TITLE = (
    f"the {_CONFUSIONS_SHOWN} most frequent mistakes; comparison.json has the full matrix."
)


def results(comparison: ComparisonFacts) -> Section:
    """Writes a row for each run and split."""
    header = (
        "Split", "Model", "Seed", "Rows", "Accuracy", f"{comparison.confidence:.0%} interval",
        "Macro-F1", "Eval_loss", "Loss", "Majority baseline", "Rows a second",
    )  # fmt: skip
    rows = tuple(
        (split, model.name, *_result(run, split))
        for split in splits(comparison)
        for model in comparison.models
        for run in model.runs
    )
    note = (
        "Interval: Wilson's, of the accuracy. Majority baseline: the accuracy of always answering "
        "the split's most frequent label. Eval_loss: mean over rows; Loss: mean of the batch means."
    )
    split = comparison.measured_on
    figure = Figure(ACCURACY, f"Accuracy of each model on {split} with its interval and its runs")
    table = Table(name="Results of each run", header=header, rows=rows, text_columns=2)
    return Section("Results", (figure, table, Paragraph(note)))


def _result(run: RunFacts, split: str) -> tuple[str, ...]:
    metrics = run.evaluation.metrics[split]
    return (
        str(run.seed),
        f"{metrics.rows:,}",
        f"{metrics.accuracy:.4f}",
        interval_text(run.accuracy_intervals[split]),
        f"{metrics.macro_f1:.4f}",
        f"{metrics.eval_loss:.4f}",
        f"{metrics.loss:.4f}",
        f"{metrics.majority_baseline:.4f}",
        f"{metrics.examples_per_second:,.1f}",
    )


def classes(comparison: ComparisonFacts) -> Section:
    """Writes for each split how well each class is found and what it is taken for."""
    blocks: list[Block] = []
    if several_runs(comparison):
        blocks.append(
            Paragraph(
                "Precision, recall and F1 are means over the runs of a model; the confusions are "
                "counts over all of them."
            )
        )
    for split in splits(comparison):
        blocks.append(Part(f"Classes on {split}", (_class_table(comparison, split),)))
        blocks += [_confusions(comparison, model, split) for model in comparison.models]
    return Section("Classes", tuple(blocks), folded=True)


def _class_table(comparison: ComparisonFacts, split: str) -> Table:
    measures = ("precision", "recall", "F1")
    header = ["Label", "Rows"]
    header += [f"{m.name} {measure}" for m in comparison.models for measure in measures]
    metrics = [metrics_of(model, split) for model in comparison.models]
    rows = tuple(
        (
            label,
            f"{metrics[0][0].classes[label].rows:,}",
            *(f for of in metrics for f in _found(of, label)),
        )
        for label in labels(comparison)
    )
    return Table(name=f"Classes on {split}", header=tuple(header), rows=rows)


def _found(metrics: list[SplitMetrics], label: str) -> list[str]:
    """Returns a class's mean precision, recall and F1 over runs, as text."""
    found = [one.classes[label] for one in metrics]
    means = (
        fmean(c.precision for c in found),
        fmean(c.recall for c in found),
        fmean(c.f1 for c in found),
    )
    return [f"{mean:.4f}" for mean in means]


def _confusions(comparison: ComparisonFacts, model: ModelFacts, split: str) -> Part:
    names = labels(comparison)
    matrices = [metrics.confusion_matrix for metrics in metrics_of(model, split)]
    sums = [
        [sum(cells) for cells in zip(*rows, strict=True)] for rows in zip(*matrices, strict=True)
    ]
    small = len(names) <= _LARGEST_MATRIX
    table = _matrix(names, sums) if small else _mistakes(names, sums)
    title = f"{model.name} on {split}"
    if len(model.runs) > 1:
        title += f", seeds {seeds_text(model)}"
    return Part(f"{title}: {_MATRIX_TITLE if small else _MISTAKES_TITLE}", (table,))


def _matrix(names: tuple[str, ...], counts: list[list[int]]) -> Table:
    rows = tuple(
        (label, *(f"{n:,}" for n in line)) for label, line in zip(names, counts, strict=True)
    )
    return Table(name="Confusion matrix", header=("True \\ predicted", *names), rows=rows)


def _mistakes(names: tuple[str, ...], counts: list[list[int]]) -> Table:
    mistakes = [
        (counts[true][predicted], names[true], names[predicted])
        for true in range(len(names))
        for predicted in range(len(names))
        if true != predicted and counts[true][predicted]
    ]
    mistakes.sort(key=lambda mistake: -mistake[0])
    rows: tuple[tuple[Line, ...], ...] = tuple(
        (true, predicted, f"{n:,}") for n, true, predicted in mistakes[:_CONFUSIONS_SHOWN]
    )
    return Table(
        name="Most frequent mistakes", header=("True", "Predicted", "Rows"), rows=rows,
        text_columns=2,
    )  # fmt: skip
