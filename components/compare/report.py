"""The report of a comparison as GitHub-flavoured Markdown."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from components.artifacts.facts import DataFacts, RestoredFacts, SplitMetrics, TokensFacts
from components.compare.facts import ComparisonFacts, ModelFacts
from components.compare.markdown import Markdown, bold, bullets, escape, table
from components.compare.settings import ABSENT, SETTINGS, Setting, side_by_side
from components.compare.statistics import is_significant
from components.compare.verdict import format_p_value

TABLE_HEADER = (
    "Task classification",
    "Global_step",
    "Eval_accuracy",
    "Eval_loss",
    "Loss",
    "Samples",
)

_LARGEST_MATRIX = 12  # classes; a larger matrix is no longer read, its largest cells are
_CONFUSIONS_SHOWN = 20
_DIGEST_SHOWN = 12  # hexadecimal digits
_GIB = 2**30


def render_markdown(comparison: ComparisonFacts, picture: str) -> str:
    """Writes the report.

    Args:
        comparison: What the comparison found.
        picture: Address of the loss curves: a file beside the report, or a data URI.
    """
    sections = (
        experiment_table(comparison),
        _outcome(comparison),
        _paired_comparison(comparison),
        _results(comparison),
        _classes(comparison),
        _curves(picture),
        _data(comparison.models),
        _parameters(comparison.models),
        _architectures(comparison.models),
        _loading(comparison.models),
        _cost(comparison.models),
        _environment(comparison.models),
    )
    return "\n\n".join(section for section in sections if section) + "\n"


def experiment_table(comparison: ComparisonFacts) -> str:
    """Writes the table that the report opens with."""
    rows = [
        (
            row.task_classification,
            str(row.global_step),
            Markdown(f"{row.eval_accuracy:.4f}{' **FAILED**' if row.failed else ''}"),
            f"{row.eval_loss:.4f}",
            f"{row.loss:.4f}",
            str(row.samples),
        )
        for row in comparison.table
    ]
    return table(TABLE_HEADER, rows)


def plain_summary(comparison: ComparisonFacts) -> str:
    """Writes the table and, as plain text, the outcome: for a terminal."""
    warnings = (f"Warning: {warning}" for warning in comparison.warnings)
    lines = (comparison.outcome, *comparison.advice, *warnings)
    return "\n".join((experiment_table(comparison), "", *lines))


def _outcome(comparison: ComparisonFacts) -> str:
    split = comparison.measured_on
    rows = comparison.models[0].evaluation.metrics[split].rows
    where = f"Measured on {split} ({rows:,} rows); checkpoints were chosen on dev."
    if split == "dev":
        where += (
            " The evaluations hold no test metrics: dev decides both times, so these figures "
            "flatter every model."
        )
    where += " The test and the intervals speak of these trained models; another seed may differ."
    paragraphs = [bold(comparison.outcome), where]
    if comparison.advice:
        paragraphs.append(f"What to try:\n\n{bullets(comparison.advice)}")
    paragraphs += [f"{bold('Warning:')} {escape(warning)}" for warning in comparison.warnings]
    return "\n\n".join(paragraphs)


def _paired_comparison(comparison: ComparisonFacts) -> str:
    if not comparison.pairs:
        return ""
    header = (
        "More rows right", "Fewer rows right", "Difference", "Both right", "Only the first right",
        "Only the second right", "Neither right", "Exact McNemar", "Difference claimed",
    )  # fmt: skip
    rows = [
        (
            pair.first,
            pair.second,
            f"{pair.points:.2f} points",
            *(f"{n:,}" for n in (pair.both_right, pair.first_only, pair.second_only, pair.neither)),
            format_p_value(pair.p_value),
            bold("yes") if is_significant(pair) else "no",
        )
        for pair in comparison.pairs
    ]
    note = (
        f"A difference on {comparison.measured_on} is claimed where "
        f"p < {comparison.significance:g}."
    )
    if len(comparison.pairs) > 1:
        note += f" The p-values are not corrected for looking at {len(comparison.pairs)} pairs."
    return f"## Paired comparison\n\n{table(header, rows, text_columns=2)}\n\n{note}"


def _splits(comparison: ComparisonFacts) -> list[str]:
    """Names the measured splits, the one that decides first."""
    measured = comparison.models[0].evaluation.metrics
    return sorted(measured, key=lambda split: split != comparison.measured_on)


def _results(comparison: ComparisonFacts) -> str:
    header = (
        "Split", "Model", "Rows", "Accuracy", f"{comparison.confidence:.0%} interval", "Macro-F1",
        "Eval_loss", "Loss", "Majority baseline", "Examples/s",
    )  # fmt: skip
    rows = [
        (split, model.name, *_result(model, split))
        for split in _splits(comparison)
        for model in comparison.models
    ]
    note = (
        "Interval: Wilson's, of the accuracy. Majority baseline: the accuracy of always answering "
        "the split's most frequent label. Eval_loss: mean over rows; Loss: mean of the batch means."
    )
    return f"## Results\n\n{table(header, rows, text_columns=2)}\n\n{note}"


def _result(model: ModelFacts, split: str) -> tuple[str, ...]:
    metrics, interval = model.evaluation.metrics[split], model.accuracy_intervals[split]
    return (
        f"{metrics.rows:,}",
        f"{metrics.accuracy:.4f}",
        f"{interval.lower:.4f} to {interval.upper:.4f}",
        f"{metrics.macro_f1:.4f}",
        f"{metrics.eval_loss:.4f}",
        f"{metrics.loss:.4f}",
        f"{metrics.majority_baseline:.4f}",
        f"{metrics.examples_per_second:,.1f}",
    )


def _classes(comparison: ComparisonFacts) -> str:
    labels = comparison.models[0].evaluation.tokens.data.labels
    parts = ["## Classes"]
    for split in _splits(comparison):
        metrics = [model.evaluation.metrics[split] for model in comparison.models]
        parts += [f"### {split}", _class_table(comparison.models, labels, metrics)]
        for model, one in zip(comparison.models, metrics, strict=True):
            title = f"{escape(model.name)} on {split}: {_matrix_title(labels)}"
            parts += [title, _confusions(labels, one)]
    return "\n\n".join(parts)


def _class_table(
    models: Sequence[ModelFacts], labels: Sequence[str], metrics: Sequence[SplitMetrics]
) -> str:
    measures = ("precision", "recall", "F1")
    header = ["Label", "Rows", *(f"{m.name} {measure}" for m in models for measure in measures)]
    rows = []
    for label in labels:
        found = [one.classes[label] for one in metrics]
        figures = [f"{x:.4f}" for c in found for x in (c.precision, c.recall, c.f1)]
        rows.append([label, f"{found[0].rows:,}", *figures])
    return table(header, rows)


def _matrix_title(labels: Sequence[str]) -> str:
    if len(labels) <= _LARGEST_MATRIX:
        return "true labels in rows, predicted labels in columns."
    return f"the {_CONFUSIONS_SHOWN} most frequent mistakes; `comparison.json` has the full matrix."


def _confusions(labels: Sequence[str], metrics: SplitMetrics) -> str:
    matrix = metrics.confusion_matrix
    if len(labels) <= _LARGEST_MATRIX:
        rows = [
            (label, *(f"{n:,}" for n in counts))
            for label, counts in zip(labels, matrix, strict=True)
        ]
        return table(("True \\ predicted", *labels), rows)
    mistakes = [
        (matrix[true][predicted], labels[true], labels[predicted])
        for true in range(len(labels))
        for predicted in range(len(labels))
        if true != predicted and matrix[true][predicted]
    ]
    mistakes.sort(key=lambda mistake: -mistake[0])
    shown = [(true, predicted, f"{n:,}") for n, true, predicted in mistakes[:_CONFUSIONS_SHOWN]]
    return table(("True", "Predicted", "Rows"), shown, text_columns=2)


def _curves(picture: str) -> str:
    return f"## Training\n\n![Train loss and dev accuracy over the optimizer steps]({picture})"


def _data(models: Sequence[ModelFacts]) -> str:
    data = models[0].evaluation.tokens.data
    kind = "sentence pairs" if data.pair else "single sentences"
    parts = [
        "## Data",
        f"Task {escape(data.task_name)}: {kind}, {len(data.labels)} labels. "
        f"Digest of the data: `{data.digest}`.",
    ]
    # Models may have read different shares of the train rows: then each has its own facts.
    for whom, tokens in _grouped(models, lambda tokens: tokens.data.splits):
        parts += [f"### Rows{whom}", _split_table(tokens.data)]
        parts += [f"### Labels{whom}", _label_table(tokens.data)]
    for whom, tokens in _grouped(models, lambda tokens: (tokens.splits, tokens.vocab_sha256)):
        parts += [
            f"### Tokens{whom}",
            f"Vocabulary: {tokens.vocab_size:,} entries from {escape(tokens.vocab_source)}, "
            f"SHA-256 {_short(tokens.vocab_sha256)}.",
            _token_table(tokens),
        ]
    return "\n\n".join(parts)


def _grouped(
    models: Sequence[ModelFacts], key: Callable[[TokensFacts], object]
) -> list[tuple[str, TokensFacts]]:
    """Puts models with equal facts together and says whose they are, unless they are everyone's."""
    groups: list[tuple[list[str], TokensFacts]] = []
    for model in models:
        tokens = model.evaluation.tokens
        same = [names for names, known in groups if key(known) == key(tokens)]
        if same:
            same[0].append(model.name)
        else:
            groups.append(([model.name], tokens))
    if len(groups) == 1:
        return [("", groups[0][1])]
    return [(f" ({escape(', '.join(names))})", tokens) for names, tokens in groups]


def _split_table(data: DataFacts) -> str:
    header = (
        "Split", "Rows", "Rows in source", "Dropped", "Mean characters", "Median", "p95", "p99",
        "Longest", "Duplicates", "Contradictions", "Leaked from train", "Control characters",
        "SHA-256",
    )  # fmt: skip
    rows = []
    for split, facts in data.splits.items():
        length = facts.characters
        counts = (facts.duplicates, facts.contradictions, facts.leaked, facts.control_characters)
        rows.append(
            (
                split,
                f"{facts.rows:,}",
                f"{facts.rows_in_source:,}",
                "; ".join(f"{n:,} ({reason})" for reason, n in facts.dropped.items()) or "0",
                f"{length.mean:.1f}",
                *(f"{n:,.0f}" for n in (length.p50, length.p95, length.p99, length.max)),
                *(f"{n:,}" for n in counts),
                _short(facts.sha256),
            )
        )
    return table(header, rows)


def _label_table(data: DataFacts) -> str:
    counts = {split: facts.label_counts for split, facts in data.splits.items()}
    rows = [(label, *(_share(count, label) for count in counts.values())) for label in data.labels]
    return table(("Label", *counts), rows)


def _share(counts: Mapping[str, int], label: str) -> str:
    if not counts:
        return "no labels"
    count = counts.get(label, 0)
    return f"{count:,} ({count / max(sum(counts.values()), 1):.1%})"


def _token_table(tokens: TokensFacts) -> str:
    header = ("Split", "Mean tokens", "Median", "p95", "p99", "Longest", "Truncated", "Unknown")
    rows = []
    for split, facts in tokens.splits.items():
        length = facts.tokens
        rows.append(
            (
                split,
                f"{length.mean:.1f}",
                *(f"{n:,.0f}" for n in (length.p50, length.p95, length.p99, length.max)),
                f"{facts.truncated_share:.2%}",
                f"{facts.unknown_share:.2%}",
            )
        )
    return table(header, rows)


def _short(digest: str) -> Markdown:
    return Markdown(f"`{digest[:_DIGEST_SHOWN]}…`")


def _parameters(models: Sequence[ModelFacts]) -> str:
    by_step = {
        step: side_by_side([read(model.evaluation) for model in models])
        for step, read in SETTINGS.items()
    }
    return f"## Parameters\n\n{_marked_table('Step', models, by_step)}"


def _marked_table(
    kind: str, models: Sequence[ModelFacts], groups: Mapping[str, Sequence[Setting]]
) -> str:
    """Writes settings beside each other; one that the models do not share stands in bold."""
    header = (kind, "Name", *(model.name for model in models), "")
    rows = [
        (group, bold(s.name), *map(bold, s.values), bold("differs"))
        if s.differs
        else (group, s.name, *s.values, "")
        for group, settings in groups.items()
        for s in settings
    ]
    return table(header, rows, text_columns=len(header))


def _by_model(models: Sequence[ModelFacts], rows: Mapping[str, Callable[[Any], str]]) -> str:
    """Writes one row for each figure of the training, one column for each model."""
    cells = [(what, *(read(model) for model in models)) for what, read in rows.items()]
    return table(("", *(model.name for model in models)), cells)


_IDENTITY: dict[str, Callable[[ModelFacts], str]] = {
    "encoder": lambda m: m.evaluation.training.encoder,
    "trainable parameters": lambda m: f"{m.evaluation.training.parameters:,}",
}


def _architectures(models: Sequence[ModelFacts]) -> str:
    numbers = side_by_side([model.evaluation.training.encoder_config for model in models])
    cells = [(what, *(read(model) for model in models)) for what, read in _IDENTITY.items()]
    cells += [(number.name, *number.values) for number in numbers]
    return f"## Models\n\n{table(('', *(model.name for model in models)), cells)}"


def _loading(models: Sequence[ModelFacts]) -> str:
    """Writes the proof that checkpoints were loaded; nothing where all are from scratch."""
    loaded = [(m, m.evaluation.training.restored) for m in models]
    if not any(restored for _, restored in loaded):
        return ""
    header = (
        "Model", "Checkpoint", "Format", "Digest", "Variables restored", "Tensors used",
        "Initialised", "Not used",
    )  # fmt: skip
    rows = [
        (model.name, *(_restored(facts) if facts else ("from scratch", *[ABSENT] * 6)))
        for model, facts in loaded
    ]
    note = (
        "Initialised: variables of ours that the checkpoint does not hold, which began with random "
        "or constant values. Not used: tensors that fine-tuning has no use for, and why; "
        "`comparison.json` names each."
    )
    return f"## Loaded checkpoints\n\n{table(header, rows, text_columns=len(header))}\n\n{note}"


def _restored(facts: RestoredFacts) -> tuple[str, ...]:
    left_over = (f"{len(names)} {reason}" for reason, names in facts.left_over.items())
    whole = facts.restored == facts.expected
    count = f"{facts.restored:,} of {facts.expected:,}"
    return (
        facts.source,
        facts.format,
        _short(facts.digest),
        count if whole else bold(count),
        f"{facts.tensors_used:,} of {facts.tensors:,}",
        ", ".join(facts.initialised) or "none",
        "; ".join(left_over) or "none",
    )


_COST: dict[str, Callable[[ModelFacts], str]] = {
    "Rows trained on": lambda m: f"{m.evaluation.training.train_examples:,}",
    "Optimizer steps planned": lambda m: f"{m.evaluation.training.planned_steps:,}",
    "Optimizer steps done": lambda m: f"{m.evaluation.training.global_step:,}",
    "Ended early": lambda m: m.evaluation.training.stop_reason or "no",
    "Step of the weights kept": lambda m: f"{m.evaluation.training.best_step:,}",
    "Optimizer seconds": lambda m: f"{m.evaluation.training.train_seconds:,.1f}",
    "Dev evaluation seconds": lambda m: f"{m.evaluation.training.dev_seconds:,.1f}",
    "Seconds in all": lambda m: f"{m.evaluation.training.seconds:,.1f}",
    "Examples/s in training": lambda m: f"{m.evaluation.training.examples_per_second:,.1f}",
    "Tokens trained on": lambda m: f"{m.evaluation.training.real_tokens:,}",
    "Tokens computed, with padding": lambda m: f"{m.evaluation.training.computed_tokens:,}",
    "Padding share": lambda m: f"{m.padding_share:.1%}",
    "Peak host memory": lambda m: f"{m.evaluation.training.peak_memory_bytes / _GIB:.2f} GiB",
}


def _cost(models: Sequence[ModelFacts]) -> str:
    return f"## Cost\n\n{_by_model(models, _COST)}"


def _environment(models: Sequence[ModelFacts]) -> str:
    trainings = [model.evaluation.training for model in models]
    groups = {
        "hardware": side_by_side([t.hardware for t in trainings]),
        "versions": side_by_side([{"keras backend": t.backend} | t.versions for t in trainings]),
        "seed": side_by_side(
            [{k: v for k, v in t.config.items() if "seed" in k} for t in trainings]
        ),
    }
    return f"## Hardware, versions and seeds\n\n{_marked_table('Of', models, groups)}"
