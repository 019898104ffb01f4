"""What a comparison found: every number of the report, as `comparison.json` holds it."""

from dataclasses import dataclass

from components.artifacts.facts import EvaluationFacts

KIND = "comparison"
REPORT = "comparison.md"


@dataclass(frozen=True, slots=True, kw_only=True)
class TableRow:
    """One row of the experiment's table.

    Attributes:
        task_classification: Family and task in capitals, e.g. `BERT_LCQMC`.
        global_step: Optimizer steps done.
        eval_accuracy: Share of rows predicted right, on the split measured on.
        eval_loss: Mean cross-entropy over rows, in nats.
        loss: Mean of the batch means, in nats, as the original code reports it.
        samples: Train rows used.
        failed: Whether the model did no better than always answering the most frequent label.
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
class ModelFacts:
    """One model of the comparison.

    Attributes:
        name: Short name in sentences and columns, e.g. `BERT`; unique in the comparison.
        accuracy_intervals: Wilson interval of the accuracy on each measured split.
        padding_share: Share of the computed train tokens that was padding.
        evaluation: The evaluation that was read, with all that led to it.
    """

    name: str
    accuracy_intervals: dict[str, Interval]
    padding_share: float
    evaluation: EvaluationFacts


@dataclass(frozen=True, slots=True, kw_only=True)
class PairFacts:
    """Two models on the same rows; the first is the one with more rows right.

    Attributes:
        first: Name of the model with more rows right.
        second: Name of the other.
        both_right: Rows that both predict right.
        first_only: Rows that only the first predicts right.
        second_only: Rows that only the second predicts right.
        neither: Rows that both predict wrong.
        points: Accuracy of the first minus that of the second, in percentage points.
        p_value: Exact two-sided McNemar test of `first_only` against `second_only`.
    """

    first: str
    second: str
    both_right: int
    first_only: int
    second_only: int
    neither: int
    points: float
    p_value: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ComparisonFacts:
    """What a comparison found.

    Attributes:
        measured_on: The split that decides: `test` where it has labels, else `dev`.
        confidence: Confidence of the intervals, e.g. 0.95.
        significance: Largest p-value, exclusive, at which a difference is claimed.
        table: The experiment's table, one row for each model.
        outcome: The result in plain words.
        best: Name of the model that beats every other; null when none can be named.
        advice: What to try; empty unless a model failed.
        warnings: What makes the comparison less fair than it looks.
        pairs: Each pair of models that did not fail.
        models: All about each model, in the table's order.
    """

    measured_on: str
    confidence: float
    significance: float
    table: tuple[TableRow, ...]
    outcome: str
    best: str | None
    advice: tuple[str, ...]
    warnings: tuple[str, ...]
    pairs: tuple[PairFacts, ...]
    models: tuple[ModelFacts, ...]
