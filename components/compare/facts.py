"""What a comparison found: every number of the report, as `comparison.json` holds it."""

from dataclasses import dataclass

from components.artifacts.facts import EvaluationFacts

KIND = "comparison"
REPORT = "comparison.md"
PAGE = "comparison.html"
FACTS = "comparison.json"

VERSION = 1
"""Of the format of `comparison.json`: raised when a reader of the old one would misread the new."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TableRow:
    """One row of the experiment's table: a model, its figures the means over its runs.

    Attributes:
        task_classification: Name and task in capitals, e.g. `BERT_LCQMC`.
        global_step: Optimizer steps done.
        eval_accuracy: Share of rows predicted right, on the split measured on.
        eval_loss: Mean cross-entropy over rows, in nats.
        loss: Mean of the batch means, in nats, as the original code reports it.
        samples: Train rows used.
        failed: Whether a run of the model FAILED.
    """

    task_classification: str
    global_step: int
    eval_accuracy: float
    eval_loss: float
    loss: float
    samples: int
    failed: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Interval:
    """A confidence interval.

    Attributes:
        lower: Lower end.
        upper: Upper end.
    """

    lower: float
    upper: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Spread:
    """One figure over the runs of a model, which differ in their seed.

    Attributes:
        mean: Arithmetic mean.
        std: Standard deviation of the sample (divisor runs - 1); null for a single run.
        min: Smallest.
        max: Largest.
    """

    mean: float
    std: float | None
    min: float
    max: float


@dataclass(frozen=True, slots=True, kw_only=True)
class FailureFacts:
    """A sign that a run learned nothing or was not what it claims to be.

    Attributes:
        kind: What failed, in one word with underscores; `components.compare.failures` lists them.
        why: What was seen, with its numbers; continues "ALBERT FAILED: ".
        advice: What to try, as a sentence.
    """

    kind: str
    why: str
    advice: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CalibrationBin:
    """The rows whose probability of the predicted label lies in one bin.

    Attributes:
        lower: Smallest probability of the bin, exclusive (inclusive for the first bin).
        upper: Largest, inclusive.
        rows: Rows of the bin; bins without rows are left out.
        confidence: Mean probability of the predicted label.
        accuracy: Share predicted right.
    """

    lower: float
    upper: float
    rows: int
    confidence: float
    accuracy: float


@dataclass(frozen=True, slots=True, kw_only=True)
class CalibrationFacts:
    """Whether the probabilities of a run mean what they say.

    Attributes:
        expected_calibration_error: Mean distance of confidence and accuracy over the bins, weighted
            by rows: ECE (Guo et al. 2017, arXiv 1706.04599).
        bins: Bins of equal width, those with rows.
    """

    expected_calibration_error: float
    bins: tuple[CalibrationBin, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class RunFacts:
    """One run of a model: one training with one seed, and its evaluation.

    Attributes:
        learning_rate: Peak step size.
        seed: Of initial weights, dropout and the order of rows.
        source: Where its evaluation was read from.
        accuracy_intervals: Wilson interval of the accuracy on each measured split.
        failures: Why it counts as FAILED; empty if it does not.
        calibration: Of the split measured on.
        padding_share: Share of the computed train tokens that was padding.
        evaluation: The evaluation that was read, with all that led to it.
    """

    learning_rate: float
    seed: int
    source: str
    accuracy_intervals: dict[str, Interval]
    failures: tuple[FailureFacts, ...]
    calibration: CalibrationFacts
    padding_share: float
    evaluation: EvaluationFacts


@dataclass(frozen=True, slots=True, kw_only=True)
class RateFacts:
    """A learning rate that was tried, judged by training and dev alone.

    Attributes:
        learning_rate: Peak step size.
        seeds: Seeds of its runs.
        failed: How many of them failed by what training and dev show.
        dev_accuracy: Accuracy on dev over the runs.
        dev_loss: Mean cross-entropy on dev, in nats, over the runs.
        chosen: Whether it was chosen: fewest failed runs, then highest mean dev accuracy, then
            lowest mean dev loss, then the smaller rate.
    """

    learning_rate: float
    seeds: tuple[int, ...]
    failed: int
    dev_accuracy: Spread
    dev_loss: Spread
    chosen: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class CostFacts:
    """What a model costs: means over its runs, unless said otherwise.

    Attributes:
        parameters: Trainable parameters of encoder and classifier.
        weights_bytes: Size of its weights on disk.
        train_seconds: Wall time of the optimizer steps.
        train_examples_per_second: Rows trained a second.
        predict_examples_per_second: Rows predicted a second in batches, on the split measured on.
        latency_p50_ms: Median milliseconds to predict one row alone.
        latency_p95_ms: 95th percentile of the same.
        peak_memory_bytes: Largest resident memory of the training process, over the runs.
        peak_accelerator_memory_bytes: Largest memory of one accelerator in training, over the runs;
            null without one.
        accelerator_hours: Wall time of a training times its accelerators, in hours; 0 without one.
        search_seconds: Wall time of all runs of the model, other learning rates included.
    """

    parameters: int
    weights_bytes: int
    train_seconds: float
    train_examples_per_second: float
    predict_examples_per_second: float
    latency_p50_ms: float
    latency_p95_ms: float
    peak_memory_bytes: int
    peak_accelerator_memory_bytes: int | None
    accelerator_hours: float
    search_seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class BucketFacts:
    """The rows of one range of lengths.

    Attributes:
        shortest: Characters of its shortest row, text_a plus text_b.
        longest: Characters of its longest row.
        rows: Rows of the bucket.
        accuracy: Share predicted right, mean over the runs.
    """

    shortest: int
    longest: int
    rows: int
    accuracy: float


@dataclass(frozen=True, slots=True, kw_only=True)
class UnleakedFacts:
    """A split without the rows whose texts also occur in the train rows.

    Attributes:
        leaked: Rows left out.
        rows: Rows that remain.
        accuracy: Share of these predicted right, mean over the runs; null if none remain.
    """

    leaked: int
    rows: int
    accuracy: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishedFacts:
    """An accuracy that others published of this model on this task.

    Attributes:
        split: `dev` or `test`.
        best: Best of their runs, as a share.
        mean: Mean of 10 runs, as a share; null = not published.
        source: Where it was published.
        measured: The mean over the runs of this comparison on the same split; null where this
            comparison did not measure it.
        differences: How this comparison differs from the published settings, one sentence each.
    """

    split: str
    best: float
    mean: float | None
    source: str
    measured: float | None
    differences: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelFacts:
    """One model of the comparison: an encoder with all settings but learning rate and seed.

    Attributes:
        name: Name in sentences and columns, e.g. `BERT`; unique in the comparison.
        key: Name in `--fail-if` expressions, e.g. `bert`: letters, digits, underscores; unique.
        family: `albert`, `bert` or `xlnet`.
        encoder: The model argument it was started from.
        learning_rate: The rate that was chosen on dev; the runs below have it.
        rates: Every learning rate that was tried.
        runs: The runs with the chosen rate, by seed.
        failed: Whether any of these runs FAILED.
        accuracy: Of the split measured on, over the runs.
        accuracy_interval: Wilson interval of the mean accuracy: how far it may lie from that on all
            such rows. It speaks of these runs; what other seeds do is in `accuracy`.
        macro_f1: Of the split measured on, over the runs.
        by_length: Accuracy by length of the rows, shortest first.
        unleaked: Accuracy without leaked rows, for each measured split that has some.
        cost: What it costs.
        published: What others published of it.
    """

    name: str
    key: str
    family: str
    encoder: str
    learning_rate: float
    rates: tuple[RateFacts, ...]
    runs: tuple[RunFacts, ...]
    failed: bool
    accuracy: Spread
    accuracy_interval: Interval
    macro_f1: Spread
    by_length: tuple[BucketFacts, ...]
    unleaked: dict[str, UnleakedFacts]
    cost: CostFacts
    published: tuple[PublishedFacts, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class SampleRow:
    """A row of the split measured on and what two models make of it.

    Attributes:
        row: 0-based position in the source.
        text_a: First text.
        text_b: Second text; null for single sentences.
        label: True label.
        first_predicted: What the first model predicts.
        second_predicted: What the second model predicts.
    """

    row: int
    text_a: str
    text_b: str | None
    label: str
    first_predicted: str
    second_predicted: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PairFacts:
    """Two models on the same rows; the first is the one with more rows right.

    Counts are over the rows of every pair of runs, so they sum to rows times `runs`.

    Attributes:
        first: Name of the model with more rows right.
        second: Name of the other.
        seeds: Seeds of the paired runs: the first's, the second's.
        both_right: Rows that both predict right.
        first_only: Rows that only the first predicts right.
        second_only: Rows that only the second predicts right.
        neither: Rows that both predict wrong.
        points: Accuracy of the first minus that of the second, in percentage points.
        points_interval: Paired bootstrap interval of `points`; for several runs widened by what
            seeds may change.
        f1_points: Macro-F1 of the first minus that of the second, in percentage points.
        f1_interval: Paired bootstrap interval of `f1_points`.
        test: Name of the test: exact McNemar for one pair of runs, else one that respects seeds.
        p_value: Its two-sided p-value.
        adjusted_p_value: The same after Holm's correction for the number of pairs.
        claimed: Whether a difference may be claimed: `adjusted_p_value` below `significance`, and
            `points_interval` above 0.
        smallest_claimable_points: The smallest difference that would have been claimed here, given
            how much the models disagree, correction aside; null = none at all.
        detectable_points: The true difference that such a test set finds 4 times of 5; null =
            cannot be said, because more than one run is paired or the models never disagree.
        samples: Some rows of each of `both_right`, `first_only`, `second_only`, `neither`, drawn
            with the comparison's seed from the first pair of runs.
    """

    first: str
    second: str
    seeds: tuple[tuple[int, int], ...]
    both_right: int
    first_only: int
    second_only: int
    neither: int
    points: float
    points_interval: Interval
    f1_points: float
    f1_interval: Interval
    test: str
    p_value: float
    adjusted_p_value: float
    claimed: bool
    smallest_claimable_points: float | None
    detectable_points: float | None
    samples: dict[str, tuple[SampleRow, ...]]


@dataclass(frozen=True, slots=True, kw_only=True)
class ComparisonFacts:
    """What a comparison found.

    Attributes:
        version: Of this format: `VERSION`.
        measured_on: The split that decides: `test` where it has labels, else `dev`.
        confidence: Confidence of the intervals, e.g. 0.95.
        significance: Largest p-value, exclusive, at which a difference is claimed.
        bootstrap_draws: Draws of the paired bootstrap.
        seed: Of the bootstrap and of the sampled rows.
        table: The experiment's table, one row for each model.
        outcome: The result in plain words.
        best: Name of the model that beats every other; null when none can be named.
        advice: What to try; empty unless a model failed.
        warnings: What makes the comparison less fair than it looks.
        pairs: Each pair of models that did not fail.
        models: All about each model, in the table's order.
    """

    version: int
    measured_on: str
    confidence: float
    significance: float
    bootstrap_draws: int
    seed: int
    table: tuple[TableRow, ...]
    outcome: str
    best: str | None
    advice: tuple[str, ...]
    warnings: tuple[str, ...]
    pairs: tuple[PairFacts, ...]
    models: tuple[ModelFacts, ...]
