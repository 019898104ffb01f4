"""Comparisons built by hand, to be reported: every figure follows from a few that are given."""

import dataclasses
import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations, pairwise
from typing import Any

from components.artifacts.facts import (
    ClassMetrics,
    CurvePoint,
    DataFacts,
    DevPoint,
    EvaluationFacts,
    LengthFacts,
    PredictionCost,
    SplitFacts,
    SplitMetrics,
    SplitTokenFacts,
    TokensFacts,
    TrainingFacts,
)
from components.compare.facts import (
    VERSION,
    BucketFacts,
    CalibrationBin,
    CalibrationFacts,
    ComparisonFacts,
    CostFacts,
    FailureFacts,
    Interval,
    ModelFacts,
    PairFacts,
    PublishedFacts,
    RateFacts,
    RunFacts,
    SampleRow,
    Spread,
    TableRow,
    UnleakedFacts,
)

ROWS = 1200  # of dev and of test
STEPS = 3749


@dataclass(frozen=True, kw_only=True)
class Entry:
    """A model to report: the accuracies of its runs, and what it costs."""

    name: str
    family: str
    accuracies: tuple[float, ...]
    rates: tuple[float, ...] = (5e-05,)
    cost: float = 1.0
    failure: FailureFacts | None = None
    published: tuple[PublishedFacts, ...] = ()


FAILURE = FailureFacts(
    kind="majority_baseline",
    why="its accuracy on test is 0.5100 (95% interval 0.4817 to 0.5382), not surely above the "
    "0.5000 of always answering the most frequent label",
    advice="Train longer or with a smaller learning_rate.",
)
PUBLISHED = PublishedFacts(
    split="test", best=0.869, mean=0.864, source="README of https://github.com/ymcui/MacBERT",
    measured=0.86, differences=("trained on 19,999 rows here (3,749 steps), on 238,766 there",),
)  # fmt: skip

ALBERT = Entry(name="ALBERT", family="albert", accuracies=(0.83,), cost=0.4)
BERT = Entry(name="BERT", family="bert", accuracies=(0.86,), published=(PUBLISHED,))
FAILED_BERT = Entry(name="BERT", family="bert", accuracies=(0.51,), failure=FAILURE)
FOUR = (
    Entry(name="ALBERT albert_tiny", family="albert", accuracies=(0.801, 0.809, 0.797), cost=0.2,
          rates=(2e-05, 5e-05, 1e-04)),
    Entry(name="ALBERT albert_base", family="albert", accuracies=(0.842, 0.851, 0.846), cost=0.8,
          rates=(2e-05, 5e-05)),
    Entry(name="BERT", family="bert", accuracies=(0.863, 0.869, 0.866), cost=1.0,
          rates=(2e-05, 5e-05), published=(PUBLISHED,)),
    Entry(name="XLNET", family="xlnet", accuracies=(0.858, 0.871, 0.849), cost=2.5),
)  # fmt: skip

TEXTS = (("How do I get a refund?", "How can I get my money back?"), ("天气怎么样", "今天下雨吗"))


def spread(values: Sequence[float]) -> Spread:
    mean = sum(values) / len(values)
    variance = sum((value - mean) ** 2 for value in values) / max(len(values) - 1, 1)
    std = math.sqrt(variance) if len(values) > 1 else None
    return Spread(mean=mean, std=std, min=min(values), max=max(values))


def around(share: float) -> Interval:
    half = 1.96 * math.sqrt(share * (1 - share) / ROWS)
    return Interval(lower=share - half, upper=share + half)


def matrix(accuracy: float, classes: int) -> tuple[tuple[int, ...], ...]:
    """Counts of rows spread evenly over the labels, the wrong ones over the other labels."""
    of_label = ROWS // classes
    right = round(accuracy * of_label)
    wrong = [(of_label - right) // (classes - 1)] * (classes - 1)
    wrong[0] += of_label - right - sum(wrong)
    return tuple(
        tuple(right if column == row else wrong[(column - row - 1) % classes]
              for column in range(classes))
        for row in range(classes)
    )  # fmt: skip


def metrics(accuracy: float, labels: Sequence[str]) -> SplitMetrics:
    counts = matrix(accuracy, len(labels))
    classes = {
        label: ClassMetrics(rows=sum(row), precision=accuracy, recall=accuracy, f1=accuracy - 0.01)
        for label, row in zip(labels, counts, strict=True)
    }
    return SplitMetrics(
        rows=ROWS, accuracy=accuracy, macro_f1=accuracy - 0.01, eval_loss=1.2 - accuracy,
        loss=1.21 - accuracy, majority_baseline=1 / len(labels), classes=classes,
        confusion_matrix=counts, examples_per_second=250.0,
    )  # fmt: skip


def tokens(labels: Sequence[str], pair: bool, leaked: int, task_name: str) -> TokensFacts:
    lengths = LengthFacts(mean=22.4, p50=20.0, p95=41.0, p99=55.0, max=63)
    rows = {"train": 19999, "dev": ROWS, "test": ROWS}
    splits = {
        name: SplitFacts(
            rows=count, rows_in_source=count + 2, dropped={"label is -": 2},
            label_counts={label: count // len(labels) for label in labels}, characters=lengths,
            duplicates=2, contradictions=4, leaked=0 if name == "train" else leaked,
            control_characters=0, sha256="5" * 64,
        )
        for name, count in rows.items()
    }  # fmt: skip
    return TokensFacts(
        data=DataFacts(
            task_name=task_name, labels=tuple(labels), pair=pair, splits=splits, digest="d" * 64,
            config={"task": task_name, "train_samples": 0},
        ),
        splits={
            name: SplitTokenFacts(tokens=lengths, truncated_share=0.0, unknown_share=0.0012)
            for name in rows
        },
        vocab_size=8000, vocab_source="the train texts", vocab_sha256="7" * 64, packing="bert",
        lowercase=True, lowercase_source="the default",
        config={"max_seq_length": 128, "vocab_file": ""},
    )  # fmt: skip


def training(entry: Entry, seed: int, accuracy: float, labels: Sequence[str]) -> TrainingFacts:
    chance = math.log(len(labels))
    final = chance if entry.failure else 0.2 * chance
    marks = [*range(100, STEPS, 100), STEPS]
    curve = tuple(
        CurvePoint(
            step=step, learning_rate=5e-05, gradient_norm=1.5, encoder_gradient_norm=1.25,
            loss=final + (chance - final) * math.exp(-step / 700) + 0.02 * math.sin(step + seed),
        )
        for step in marks
    )  # fmt: skip
    dev_curve = tuple(
        DevPoint(
            step=step, eval_loss=0.4,
            accuracy=accuracy - (accuracy - 1 / len(labels)) * math.exp(-step / 600),
        )
        for step in [*marks[4::5], STEPS]
    )  # fmt: skip
    rate = entry.rates[-1]
    return TrainingFacts(
        family=entry.family, encoder=f"{entry.family}_tiny", restored=None,
        encoder_config={"hidden_size": 128, "num_layers": 2 if entry.family == "bert" else 4},
        labels=tuple(labels), pair=True, packing="bert", max_seq_length=128,
        parameters=int(4e6 * entry.cost),
        config={"learning_rate": rate, "train_batch_size": 16, "seed": seed, "init_checkpoint": ""},
        backend="tensorflow", train_examples=19999, planned_steps=STEPS, global_step=STEPS,
        best_step=dev_curve[-2].step, stop_reason="", diverged=False, curve=curve,
        dev_curve=dev_curve, seconds=400.5, dev_seconds=60.75,
        train_seconds=320.25 * entry.cost + seed,
        examples_per_second=187.3, steady_examples_per_second=190.0,
        real_tokens=1_500_000, computed_tokens=2_000_000, resumed_at=(),
        peak_memory_bytes=3 * 2**29, peak_accelerator_memory_bytes=None, accelerators=0,
        versions={"python": "3.11.9", "keras": "3.12.0"},
        hardware={"processor": "Example CPU", "cores": "8", "memory": "32 GiB"},
    )  # fmt: skip


def calibration(accuracy: float, classes: int) -> CalibrationFacts:
    edges = [edge / 10 for edge in range(11)]
    bins = tuple(
        CalibrationBin(
            lower=lower, upper=upper, rows=ROWS // 10, confidence=(lower + upper) / 2,
            accuracy=max(0.0, min(1.0, (lower + upper) / 2 - 0.25 * (1 - accuracy))),
        )
        for lower, upper in pairwise(edges)
        if upper > 1 / classes
    )  # fmt: skip
    return CalibrationFacts(expected_calibration_error=0.0425, bins=bins)


def run(
    entry: Entry, seed: int, accuracy: float, read: TokensFacts, splits: Sequence[str]
) -> RunFacts:
    labels = read.data.labels
    return RunFacts(
        learning_rate=entry.rates[-1],
        seed=seed,
        source=f"runs/{entry.family}-{seed}",
        accuracy_intervals={split: around(accuracy) for split in splits},
        failures=(entry.failure,) if entry.failure else (),
        calibration=calibration(accuracy, len(labels)),
        padding_share=0.25,
        evaluation=EvaluationFacts(
            metrics={split: metrics(accuracy, labels) for split in splits},
            training=training(entry, seed, accuracy, labels),
            tokens=read,
            config={"eval_batch_size": 16},
            cost=PredictionCost(
                weights_bytes=16_000_000, latency_p50_ms=3.1, latency_p95_ms=4.2, latency_rows=200
            ),
        ),
    )


def rate(entry: Entry, learning_rate: float, runs: Sequence[RunFacts]) -> RateFacts:
    chosen = learning_rate == entry.rates[-1]
    values = [accuracy - (0 if chosen else 0.02) for accuracy in entry.accuracies]
    return RateFacts(
        learning_rate=learning_rate, seeds=tuple(r.seed for r in runs), failed=0,
        dev_accuracy=spread(values), dev_loss=spread([1.2 - value for value in values]),
        chosen=chosen,
    )  # fmt: skip


def model(entry: Entry, read: TokensFacts, splits: Sequence[str], leaked: int) -> ModelFacts:
    runs = [run(entry, 42 + n, a, read, splits) for n, a in enumerate(entry.accuracies)]
    accuracy = spread(entry.accuracies)
    lengths = ((4, 14), (15, 20), (21, 27), (28, 63))
    return ModelFacts(
        name=entry.name,
        key=entry.family,
        family=entry.family,
        encoder=f"{entry.family}_tiny",
        learning_rate=entry.rates[-1],
        rates=tuple(rate(entry, one, runs) for one in entry.rates),
        runs=tuple(runs),
        failed=entry.failure is not None,
        accuracy=accuracy,
        accuracy_interval=around(accuracy.mean),
        macro_f1=spread([value - 0.01 for value in entry.accuracies]),
        by_length=tuple(
            BucketFacts(shortest=low, longest=high, rows=ROWS // 4, accuracy=accuracy.mean - n / 50)
            for n, (low, high) in enumerate(lengths)
        ),
        unleaked={
            split: UnleakedFacts(leaked=leaked, rows=ROWS - leaked, accuracy=accuracy.mean - 0.01)
            for split in splits
            if leaked
        },
        cost=CostFacts(
            parameters=int(4e6 * entry.cost),
            weights_bytes=int(16e6 * entry.cost),
            train_seconds=320.25 * entry.cost,
            train_examples_per_second=187.3 / entry.cost,
            predict_examples_per_second=250.0 / entry.cost,
            latency_p50_ms=3.1 * entry.cost,
            latency_p95_ms=4.2 * entry.cost,
            peak_memory_bytes=3 * 2**29,
            peak_accelerator_memory_bytes=None,
            accelerator_hours=0.0,
            search_seconds=400.5 * len(entry.rates) * len(runs),
        ),
        published=entry.published,
    )


def sample(row: int, texts: tuple[str, str | None], labels: Sequence[str]) -> SampleRow:
    return SampleRow(
        row=row, text_a=texts[0], text_b=texts[1], label=labels[0], first_predicted=labels[0],
        second_predicted=labels[1],
    )  # fmt: skip


def compared(
    one: ModelFacts, other: ModelFacts, texts: Sequence[tuple[str, str | None]], pairs: int
) -> PairFacts:
    first, second = sorted((one, other), key=lambda m: -m.accuracy.mean)
    points = 100 * (first.accuracy.mean - second.accuracy.mean)
    half = 1.4
    runs = min(len(first.runs), len(second.runs))
    labels = first.runs[0].evaluation.tokens.data.labels
    p_value = math.exp(-1.7 * points)
    adjusted = min(1.0, p_value * pairs)
    cells = {"both_right": 900, "first_only": 150, "second_only": 90, "neither": 60}
    return PairFacts(
        first=first.name,
        second=second.name,
        seeds=tuple((42 + n, 42 + n) for n in range(runs)),
        **{name: count * runs for name, count in cells.items()},
        points=points,
        points_interval=Interval(lower=points - half, upper=points + half),
        f1_points=points + 0.1,
        f1_interval=Interval(lower=points - half, upper=points + half + 0.2),
        test="exact McNemar" if runs == 1 else "two-way test over seeds and rows",
        p_value=p_value,
        adjusted_p_value=adjusted,
        claimed=adjusted < 0.05 and points > half,
        smallest_claimable_points=1.92,
        detectable_points=2.75 if runs == 1 else None,
        samples={
            cell: tuple(sample(100 * place + n, text, labels) for n, text in enumerate(texts))
            for place, cell in enumerate(cells)
        },
    )


def comparison(
    entries: Sequence[Entry] = (ALBERT, BERT),
    *,
    labels: Sequence[str] = ("0", "1"),
    texts: Sequence[tuple[str, str | None]] = TEXTS,
    task_name: str = "lcqmc",
    splits: Sequence[str] = ("dev", "test"),
    leaked: int = 0,
    **changes: Any,
) -> ComparisonFacts:
    """Builds a comparison.

    Args:
        entries: The models.
        labels: Every label.
        texts: Of the sampled rows, the same in each cell.
        task_name: Name of the task.
        splits: The measured splits; the last one decides.
        leaked: Rows of dev and test that train holds too.
        changes: Fields of the result to replace.
    """
    read = tokens(labels, texts[0][1] is not None, leaked, task_name)
    models = tuple(model(entry, read, splits, leaked) for entry in entries)
    learned = [m for m in models if not m.failed]
    combined = list(combinations(learned, 2))
    facts = ComparisonFacts(
        version=VERSION,
        measured_on=splits[-1],
        confidence=0.95,
        significance=0.05,
        bootstrap_draws=10_000,
        seed=42,
        table=tuple(
            TableRow(
                task_classification=f"{m.family.upper()}_{task_name.upper()}",
                global_step=STEPS,
                eval_accuracy=m.accuracy.mean,
                eval_loss=0.3125,
                loss=0.375,
                samples=19999,
                failed=m.failed,
            )
            for m in models
        ),
        outcome="BERT is better than ALBERT by 3.0 points on test (95% CI 1.6 to 4.4, exact "
        "McNemar p = 0.0061).",
        best=None,
        advice=tuple(dict.fromkeys(e.failure.advice for e in entries if e.failure)),
        warnings=(),
        pairs=tuple(compared(one, other, texts, len(combined)) for one, other in combined),
        models=models,
    )
    return dataclasses.replace(facts, **changes)


SCRIPT = "<script>document.title='hacked'</script>"
HOSTILE_TEXTS = (
    (f"{SCRIPT} | a *b* _c_ `d`", "![x](http://e.invalid/x.png) [y](javascript:alert(1)) @you"),
    ("# h\n- x\r\n\x00\x1b[31m\u202egnp.exe", "<img src=x onerror=\"document.title='hacked'\">"),
    ("w" * 200, "\u5b57" * 200),
    (
        "\U0001f469\u200d\U0001f4bb :smile: \u200b~~x~~ $a$",
        "</td></table></details><iframe src=//e>",
    ),
    ("\u05e9\u05dc\u05d5\u05dd | \ud800", "&lt;b&gt; &amp; \\| \\"),
)


def hostile() -> ComparisonFacts:
    """A comparison in which every text that is not ours tries to be markup."""
    return comparison(
        (
            Entry(name="<b>A|B</b> " + "x" * 90, family="albert", accuracies=(0.8,)),
            Entry(name="`$[BERT](http://e.invalid)` \u6a21\u578b \u202e", family="bert",
                  accuracies=(0.9,)),
        ),
        labels=("a|b", SCRIPT, "`x`\n# y", "[z](http://e.invalid)"),
        texts=HOSTILE_TEXTS,
        task_name=SCRIPT,
        warnings=(f"{SCRIPT} | x",),
        outcome=f"{SCRIPT} *is* better",
    )  # fmt: skip
