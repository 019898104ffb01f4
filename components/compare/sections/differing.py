"""Where the models differ: row by row, by length, by label, in their probabilities, by leakage."""

from collections.abc import Sequence
from statistics import fmean

from components.compare.blocks import (
    Block,
    Figure,
    Line,
    Paragraph,
    Part,
    Quote,
    Section,
    Table,
)
from components.compare.facts import (
    CalibrationBin,
    ComparisonFacts,
    ModelFacts,
    PairFacts,
    SampleRow,
)
from components.compare.sections.figures import (
    labels,
    metrics_of,
    over_runs,
    ranked,
    signed,
    splits,
)
from components.compare.settings import ABSENT
from components.compare.text import shorten

CALIBRATION = "calibration.png"

_LONGEST_TEXT = 80  # characters of a sampled text
_PAIRS_SAMPLED = 3  # more would bury the rest; `comparison.json` has them all


def where_they_differ(comparison: ComparisonFacts) -> Section:
    """Writes all that tells the models apart besides one figure."""
    parts = (
        *_disagreement(comparison),
        _by_length(comparison),
        _by_label(comparison),
        _calibration(comparison),
        _leakage(comparison),
    )
    return Section("Where they differ", tuple(part for part in parts if part))


def _disagreement(comparison: ComparisonFacts) -> list[Part]:
    if not comparison.pairs:
        return []
    header = ("First", "Second", "Both right", "Only the first", "Only the second", "Both wrong")
    counts = [
        (pair.both_right, pair.first_only, pair.second_only, pair.neither)
        for pair in comparison.pairs
    ]
    rows = tuple(
        (pair.first, pair.second, *(f"{n:,}" for n in cells))
        for pair, cells in zip(comparison.pairs, counts, strict=True)
    )
    blocks: list[Block] = [Table(name="Rows right", header=header, rows=rows, text_columns=2)]
    if any(len(pair.seeds) > 1 for pair in comparison.pairs):
        blocks.append(Paragraph("Counted over the rows of every pair of runs, paired by seed."))
    shown = _leading_pairs(comparison)
    if len(shown) < len(comparison.pairs):
        also = f"Rows of {len(shown)} pairs are shown below; comparison.json has those of all."
        blocks.append(Paragraph(also))
    sampled = (_sampled_rows(comparison, pair) for pair in shown)
    return [Part("Rows on which they disagree", tuple(blocks)), *(part for part in sampled if part)]


def _leading_pairs(comparison: ComparisonFacts) -> list[PairFacts]:
    """Returns the pairs among the models that stand highest."""
    place = {model.name: rank for rank, model in enumerate(ranked(comparison.models))}
    by_place = sorted(comparison.pairs, key=lambda p: sorted((place[p.first], place[p.second])))
    return by_place[:_PAIRS_SAMPLED]


def _sampled_rows(comparison: ComparisonFacts, pair: PairFacts) -> Part | None:
    """Writes the sampled rows of a pair, those that only one of the two has right first."""
    right = {
        "first_only": f"only {pair.first}",
        "second_only": f"only {pair.second}",
        "neither": "neither",
        "both_right": "both",
    }
    samples = [(who, row) for cell, who in right.items() for row in pair.samples.get(cell, ())]
    if not samples:
        return None
    two_texts = any(row.text_b is not None for _, row in samples)
    texts = ("Text a", "Text b") if two_texts else ("Text",)
    header = ("Right", "Row", *texts, "Label", f"{pair.first} says", f"{pair.second} says")
    name = f"Sampled rows of {pair.first} and {pair.second}"
    table = Table(
        name=name,
        header=header,
        rows=tuple((who, *_sample(row, two_texts=two_texts)) for who, row in samples),
        text_columns=len(header),
    )
    first, second = pair.seeds[0]
    drawn = f"Drawn with seed {comparison.seed} from {comparison.measured_on}"
    if len(pair.seeds) > 1 or first != second:
        drawn += f", the runs with seeds {first} and {second}"
    note = f"{drawn}; texts are cut at {_LONGEST_TEXT} characters."
    return Part(f"Rows of {pair.first} and {pair.second}", (table, Paragraph(note)))


def _sample(row: SampleRow, *, two_texts: bool) -> tuple[Line, ...]:
    texts = (row.text_a, row.text_b or "") if two_texts else (row.text_a,)
    quoted = (Quote(shorten(text, _LONGEST_TEXT)) for text in texts)
    return (str(row.row), *quoted, row.label, row.first_predicted, row.second_predicted)


def _by_length(comparison: ComparisonFacts) -> Part:
    models = comparison.models
    rows = tuple(
        (
            _characters(buckets[0].shortest, buckets[0].longest),
            f"{buckets[0].rows:,}",
            *(f"{bucket.accuracy:.4f}" for bucket in buckets),
        )
        for buckets in zip(*(model.by_length for model in models), strict=True)
    )
    header = ("Characters", "Rows", *(model.name for model in models))
    table = Table(name="Accuracy by length of the rows", header=header, rows=rows)
    return Part("Accuracy by length", (table, *_means_note(models)))


def _characters(shortest: int, longest: int) -> str:
    return str(shortest) if shortest == longest else f"{shortest} to {longest}"


def _means_note(models: Sequence[ModelFacts]) -> list[Paragraph]:
    if all(len(model.runs) == 1 for model in models):
        return []
    return [Paragraph("Means over the runs of each model.")]


def _by_label(comparison: ComparisonFacts) -> Part:
    split, models = comparison.measured_on, comparison.models
    counts = metrics_of(models[0], split)[0].classes
    rows = tuple(
        (
            label,
            f"{counts[label].rows:,}",
            *(
                f"{fmean(m.classes[label].recall for m in metrics_of(o, split)):.4f}"
                for o in models
            ),
        )
        for label in labels(comparison)
    )
    header = ("True label", "Rows", *(model.name for model in models))
    table = Table(name="Accuracy by label", header=header, rows=rows)
    note = "The share of the rows of a label that is predicted right: its recall."
    return Part("Accuracy by label", (table, Paragraph(note), *_means_note(models)))


def _calibration(comparison: ComparisonFacts) -> Part:
    rows = tuple(
        (
            model.name,
            over_runs(
                (run.calibration.expected_calibration_error for run in model.runs), "{:.4f}".format
            ),
            over_runs(
                (_mean_confidence(run.calibration.bins) for run in model.runs), "{:.4f}".format
            ),
            f"{model.accuracy.mean:.4f}",
        )
        for model in comparison.models
    )
    header = ("Model", "Calibration error", "Mean confidence", "Accuracy")
    note = (
        "Calibration error: the mean distance between confidence, the probability of the predicted "
        "label, and accuracy (ECE; Guo et al. 2017, arXiv 1706.04599). A model that is more "
        "confident than it is accurate lies below the diagonal."
    )
    figure = Figure(CALIBRATION, "Accuracy by confidence of each model against the diagonal")
    table = Table(name="Calibration", header=header, rows=rows)
    return Part("Calibration", (table, figure, Paragraph(note)))


def _mean_confidence(bins: Sequence[CalibrationBin]) -> float:
    return sum(b.rows * b.confidence for b in bins) / max(sum(b.rows for b in bins), 1)


def _leakage(comparison: ComparisonFacts) -> Part | None:
    found = [
        (split, model)
        for split in splits(comparison)
        for model in comparison.models
        if split in model.unleaked
    ]
    if not found:
        return None
    header = ("Split", "Model", "Leaked rows", "Accuracy on all", "Without leaked rows", "Change")
    rows = tuple((split, model.name, *_unleaked(model, split)) for split, model in found)
    note = (
        "Leaked: the texts of the row, in either order, also occur in the train rows used. The "
        "change is in percentage points."
    )
    table = Table(name="Accuracy without leaked rows", header=header, rows=rows, text_columns=2)
    return Part("Rows leaked from train", (table, Paragraph(note)))


def _unleaked(model: ModelFacts, split: str) -> tuple[str, ...]:
    facts = model.unleaked[split]
    whole = fmean(metrics.accuracy for metrics in metrics_of(model, split))
    counts = f"{facts.leaked:,} of {facts.leaked + facts.rows:,}"
    if facts.accuracy is None:
        return counts, f"{whole:.4f}", "no row is left", ABSENT
    return (
        counts,
        f"{whole:.4f}",
        f"{facts.accuracy:.4f}",
        signed(100 * (facts.accuracy - whole)),
    )
