"""Evaluation folders built by hand: right and wrong rows are chosen, metrics follow from them."""

import dataclasses
import importlib.util
import math
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import pandas as pd
import pyarrow as pa
import pytest

from components.artifacts.evaluation import (
    Evaluation,
    new_evaluation,
    predictions_schema,
    probability_column,
)
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

Rows = Sequence[tuple[str | None, str]]
"""True label (None where unknown) and predicted label of each row."""

WriteEvaluation = Callable[..., Path]


def right_and_wrong(marks: str, labels: Sequence[str] = ("0", "1")) -> list[tuple[str, str]]:
    """Makes rows from marks, `+` right and `-` wrong, whose true labels take turns."""
    truths = [labels[i % len(labels)] for i in range(len(marks))]
    others = [labels[(i + 1) % len(labels)] for i in range(len(marks))]
    return [
        (truth, truth if mark == "+" else other)
        for mark, truth, other in zip(marks, truths, others, strict=True)
    ]


def split_metrics(rows: Rows, labels: Sequence[str], eval_loss: float, loss: float) -> SplitMetrics:
    known = [(true, predicted) for true, predicted in rows if true is not None]
    counts = Counter(known)
    matrix = tuple(tuple(counts[true, predicted] for predicted in labels) for true in labels)
    classes = {}
    for place, label in enumerate(labels):
        found, rows_of = sum(line[place] for line in matrix), sum(matrix[place])
        precision = matrix[place][place] / found if found else 0.0
        recall = matrix[place][place] / rows_of if rows_of else 0.0
        f1 = 2 * precision * recall / (precision + recall) if precision + recall else 0.0
        classes[label] = ClassMetrics(rows=rows_of, precision=precision, recall=recall, f1=f1)
    return SplitMetrics(
        rows=len(known),
        accuracy=sum(true == predicted for true, predicted in known) / len(known),
        macro_f1=sum(c.f1 for c in classes.values()) / len(labels),
        eval_loss=eval_loss,
        loss=loss,
        majority_baseline=max(Counter(true for true, _ in known).values()) / len(known),
        classes=classes,
        confusion_matrix=matrix,
        examples_per_second=250.0,
    )


def split_facts(
    rows: int, label_counts: dict[str, int], leaked: int, dropped: dict[str, int]
) -> SplitFacts:
    return SplitFacts(
        rows=rows,
        rows_in_source=rows + sum(dropped.values()),
        dropped=dropped,
        label_counts=label_counts,
        characters=LengthFacts(mean=22.4, p50=20.0, p95=41.0, p99=55.0, max=63),
        duplicates=2,
        contradictions=4,
        leaked=leaked,
        control_characters=0,
        sha256="5" * 64,
    )


def training_facts(family: str, encoder: str, final_loss: float, **changes: Any) -> TrainingFacts:
    steps = 3749
    marks = [*range(100, steps, 100), steps]
    start = math.log(2)
    losses = [final_loss + (start - final_loss) * math.exp(-step / 700) for step in marks]
    dev_steps = [*marks[4::5], steps]
    facts = TrainingFacts(
        family=family,
        encoder=encoder,
        restored=None,
        encoder_config={"hidden_size": 128, "num_layers": 2 if family == "bert" else 4},
        labels=("0", "1"),
        pair=True,
        packing="bert",
        max_seq_length=128,
        parameters=4_012_345 if family == "bert" else 1_204_110,
        config={"learning_rate": 5e-05, "train_batch_size": 16, "seed": 42, "init_checkpoint": ""},
        backend="tensorflow",
        train_examples=19999,
        planned_steps=steps,
        global_step=steps,
        best_step=dev_steps[-2],
        stop_reason="",
        diverged=False,
        curve=tuple(
            CurvePoint(
                step=step,
                loss=loss + 0.012 * math.sin(step),
                learning_rate=5e-05,
                gradient_norm=1.5,
                encoder_gradient_norm=1.25,
            )
            for step, loss in zip(marks, losses, strict=True)
        ),
        dev_curve=tuple(
            DevPoint(
                step=step,
                accuracy=0.5 + (start - final_loss) * (1 - math.exp(-step / 900)) * 0.65,
                eval_loss=0.4,
            )
            for step in dev_steps
        ),
        seconds=400.5,
        train_seconds=320.25,
        dev_seconds=60.75,
        examples_per_second=187.3,
        steady_examples_per_second=190.0,
        real_tokens=1_500_000,
        computed_tokens=2_000_000,
        resumed_at=(),
        peak_memory_bytes=3 * 2**29,
        accelerators=0,
        peak_accelerator_memory_bytes=None,
        versions={"python": "3.11.9", "keras": "3.12.0"},
        hardware={"processor": "Example CPU", "cores": "8", "memory": "32 GiB"},
    )
    return dataclasses.replace(facts, **changes)


@pytest.fixture
def write(tmp_path: Path) -> WriteEvaluation:
    """Writes an evaluation folder and returns its path; see the arguments."""

    def write_one(
        family: str,
        test: str | Rows | None = None,
        dev: str | Rows = "+" * 18 + "--",
        *,
        folder: str = "",
        encoder: str = "",
        labels: Sequence[str] = ("0", "1"),
        task_name: str = "lcqmc",
        digest: str = "d" * 64,
        leaked: int = 0,
        dropped: dict[str, int] | None = None,
        losses: tuple[float, float] = (0.3125, 0.375),
        training: dict[str, Any] | None = None,
        tokenize: dict[str, Any] | None = None,
    ) -> Path:
        splits: dict[str, list[tuple[str | None, str]]] = {
            name: [*right_and_wrong(rows, labels)] if isinstance(rows, str) else list(rows)
            for name, rows in (("dev", dev), ("test", test))
            if rows is not None
        }
        data_splits = {"train": split_facts(19999, dict.fromkeys(labels, 9999), 0, {})} | {
            name: split_facts(
                len(rows),
                {label: sum(t == label for t, _ in rows) for label in labels},
                leaked,
                dropped or {},
            )
            for name, rows in splits.items()
        }
        facts = EvaluationFacts(
            metrics={
                name: split_metrics(rows, labels, *losses)
                for name, rows in splits.items()
                if any(true is not None for true, _ in rows)
            },
            training=training_facts(family, encoder or f"{family}_tiny", 0.25, **(training or {})),
            tokens=TokensFacts(
                data=DataFacts(
                    task_name=task_name,
                    labels=tuple(labels),
                    pair=True,
                    splits=data_splits,
                    digest=digest,
                    config={"task": task_name, "train_samples": 0},
                ),
                splits={
                    name: SplitTokenFacts(
                        tokens=LengthFacts(mean=25.1, p50=23.0, p95=44.0, p99=58.0, max=66),
                        truncated_share=0.0,
                        unknown_share=0.0012,
                    )
                    for name in data_splits
                },
                vocab_size=8000,
                vocab_source="the train texts",
                vocab_sha256="7" * 64,
                packing="bert",
                lowercase=True,
                lowercase_source="the default",
                config={"max_seq_length": 128, "vocab_file": ""} | (tokenize or {}),
            ),
            cost=PredictionCost(
                weights_bytes=4_812_345,
                latency_p50_ms=3.25,
                latency_p95_ms=4.5,
                latency_rows=50,
            ),
            config={"eval_batch_size": 16},
        )
        path = tmp_path / (folder or f"{family}_evaluation")
        rows = predictions(splits, labels, leaked)
        with new_evaluation(path, labels) as new:
            for _, of_split in rows.groupby("split", sort=False):
                schema = predictions_schema(labels)
                new.write_predictions(pa.Table.from_pandas(of_split, schema, preserve_index=False))
            new.write_facts(facts)
        return path

    return write_one


def predictions(
    splits: dict[str, list[tuple[str | None, str]]], labels: Sequence[str], leaked: int = 0
) -> pd.DataFrame:
    """Makes a row for each prediction; the first `leaked` rows of a split are those of train."""
    table = pd.DataFrame(
        [
            {
                "split": split,
                "row": row,
                "text_a": f"a {row}",
                "text_b": f"b {row}",
                "leaked": row < leaked,
                "label": true,
                "predicted": predicted,
            }
            for split, rows in splits.items()
            for row, (true, predicted) in enumerate(rows)
        ]
    )
    sure = 0.8
    rest = (1 - sure) / (len(labels) - 1)
    probabilities = {
        probability_column(label): (table["predicted"] == label) * (sure - rest) + rest
        for label in labels
    }
    return table.assign(**probabilities)


@pytest.fixture
def evaluation(write: WriteEvaluation) -> Callable[..., Evaluation]:
    """Builds an evaluation as `write` does, and reads it."""
    from components.artifacts.evaluation import read_evaluation

    return lambda *args, **changes: read_evaluation(write(*args, **changes))


def _beside(name: str) -> ModuleType:
    """Imports a file that stands beside this one and holds no tests."""
    spec = importlib.util.spec_from_file_location(name, Path(__file__).with_name(f"{name}.py"))
    assert spec
    assert spec.loader
    module = sys.modules[name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def built() -> ModuleType:
    """Comparisons built by hand: see comparison_facts.py."""
    return _beside("comparison_facts")


@pytest.fixture(scope="session")
def chromium() -> ModuleType:
    """Headless Chromium: see chromium.py."""
    module = _beside("chromium")
    if not module.EXECUTABLE:
        pytest.skip(f"no Chromium here: looked for {', '.join(module.NAMES)}")
    return module
