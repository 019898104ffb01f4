"""What may be claimed from evaluations: who failed, who is better, and what weakens it."""

from collections import Counter
from collections.abc import Sequence
from itertools import combinations

import numpy as np

from components.artifacts.evaluation import Evaluation
from components.artifacts.facts import EvaluationFacts, SplitMetrics, TrainingFacts
from components.compare.facts import ComparisonFacts, ModelFacts, PairFacts, TableRow
from components.compare.inputs import labelled_rows, measured_splits
from components.compare.settings import SETTINGS, Setting, side_by_side
from components.compare.statistics import (
    CONFIDENCE,
    SIGNIFICANCE,
    Right,
    accuracy_interval,
    compare_pair,
    is_significant,
)

ADVICE = (
    "Train longer or with a larger learning_rate: an encoder from scratch needs more of both than "
    "a pre-trained one.",
    "Check that labels and texts belong together: look at the columns that the task reads and at "
    "the label counts below.",
    "Check that the vocabulary is the checkpoint's own: a high share of unknown tokens below is "
    "the sign of a wrong one.",
    "Measure on more rows: on few rows the interval is wide and even a fair model cannot be told "
    "from the baseline.",
)

_EXPECTED_TO_DIFFER = {"encoder"}  # what is being compared; no warning


def judge(evaluations: Sequence[Evaluation]) -> ComparisonFacts:
    """Draws from comparable evaluations all that the report says."""
    split = measured_splits(evaluations[0])[0]
    suffixes = _distinguishing_suffixes([e.facts.training for e in evaluations])
    models = tuple(_model(e.facts, suffix) for e, suffix in zip(evaluations, suffixes, strict=True))
    table = tuple(_table_row(m, s, split) for m, s in zip(models, suffixes, strict=True))
    learned = [
        (model.name, _right(evaluation, split))
        for model, row, evaluation in zip(models, table, evaluations, strict=True)
        if not row.failed
    ]
    pairs = tuple(compare_pair(*one, *other) for one, other in combinations(learned, 2))
    failed = [m for m, row in zip(models, table, strict=True) if row.failed]
    best = None if failed else _best([m.name for m in models], pairs)
    return ComparisonFacts(
        measured_on=split,
        confidence=CONFIDENCE,
        significance=SIGNIFICANCE,
        table=table,
        outcome=_failure(failed, split) if failed else _ranking(models, pairs, best, split),
        best=best,
        advice=ADVICE if failed else (),
        warnings=_warnings(models),
        pairs=pairs,
        models=models,
    )


def has_failed(metrics: SplitMetrics) -> bool:
    """Tells whether an accuracy cannot be told from always answering the most frequent label."""
    return accuracy_interval(metrics).lower <= metrics.majority_baseline


def _right(evaluation: Evaluation, split: str) -> Right:
    rows = labelled_rows(evaluation, split)
    return np.asarray(rows["predicted"] == rows["label"], dtype=np.bool_)


def _distinguishing_suffixes(trainings: Sequence[TrainingFacts]) -> list[str]:
    """Returns what must follow each family's name so that no two models share a name."""
    families = Counter(t.family for t in trainings)
    suffixes = [f" {t.encoder}" if families[t.family] > 1 else "" for t in trainings]
    seen: Counter[tuple[str, str]] = Counter()
    for place, training in enumerate(trainings):
        seen[training.family, training.encoder] += 1
        if (repetition := seen[training.family, training.encoder]) > 1:
            suffixes[place] += f" ({repetition})"
    return suffixes


def _model(facts: EvaluationFacts, suffix: str) -> ModelFacts:
    training = facts.training
    return ModelFacts(
        name=training.family.upper() + suffix,
        accuracy_intervals={s: accuracy_interval(m) for s, m in facts.metrics.items()},
        padding_share=1 - training.real_tokens / max(training.computed_tokens, 1),
        evaluation=facts,
    )


def _table_row(model: ModelFacts, suffix: str, split: str) -> TableRow:
    facts = model.evaluation
    metrics = facts.metrics[split]
    family, task = facts.training.family.upper(), facts.tokens.data.task_name.upper()
    return TableRow(
        task_classification=f"{family}_{task}{suffix}",
        global_step=facts.training.global_step,
        eval_accuracy=metrics.accuracy,
        eval_loss=metrics.eval_loss,
        loss=metrics.loss,
        samples=facts.training.train_examples,
        failed=has_failed(metrics),
    )


def _best(names: Sequence[str], pairs: Sequence[PairFacts]) -> str | None:
    """Returns the model that is significantly better than every other, if there is one."""
    wins = Counter(pair.first for pair in pairs if is_significant(pair))
    return next((name for name in names if wins[name] == len(names) - 1), None)


def _failure(failed: Sequence[ModelFacts], split: str) -> str:
    def reason(model: ModelFacts) -> str:
        metrics, interval = model.evaluation.metrics[split], model.accuracy_intervals[split]
        stopped = model.evaluation.training.stop_reason
        return (
            f"{model.name} FAILED: its accuracy on {split} is {metrics.accuracy:.4f} "
            f"({CONFIDENCE:.0%} interval {interval.lower:.4f} to {interval.upper:.4f}), not surely "
            f"above the {metrics.majority_baseline:.4f} of always answering the most frequent label"
            + (f" (its training ended early: {stopped})" if stopped else "")
        )

    return f"No winner is named. {'; '.join(map(reason, failed))}."


def _ranking(
    models: Sequence[ModelFacts], pairs: Sequence[PairFacts], best: str | None, split: str
) -> str:
    if len(models) == 2:
        return _sentence_of_two(pairs[0], split)
    if best:
        leads = (f"than {p.second} by {_evidence(p)}" for p in pairs if p.first == best)
        return f"{best} is better than every other model on {split}: {', '.join(leads)}."
    top = max(models, key=lambda m: m.evaluation.metrics[split].accuracy).name
    open_pairs = [p for p in pairs if top in (p.first, p.second) and not is_significant(p)]
    doubts = (f"{_other(p, top)}, {_evidence(p)}" for p in open_pairs)
    return (
        f"No best model can be named: on {split} {top} has the highest accuracy, but no difference "
        f"can be claimed to {'; '.join(doubts)}."
    )


def _other(pair: PairFacts, name: str) -> str:
    return pair.second if pair.first == name else pair.first


def _sentence_of_two(pair: PairFacts, split: str) -> str:
    if is_significant(pair):
        points, p_value = format_points(pair.points), format_p_value(pair.p_value)
        return (
            f"{pair.first} is better than {pair.second} by {points} on {split} "
            f"(exact McNemar {p_value})."
        )
    return (
        f"No difference can be claimed: on {split} {pair.first} predicts {pair.first_only} rows "
        f"right that {pair.second} misses, and {pair.second} {pair.second_only} that {pair.first} "
        f"misses: {_evidence(pair)}."
    )


def _evidence(pair: PairFacts) -> str:
    return f"{format_points(pair.points)} (exact McNemar {format_p_value(pair.p_value)})"


def format_points(points: float) -> str:
    """Writes percentage points with one decimal, or more where one would hide a difference."""
    digits = f"{points:.1f}" if points >= 0.05 or points == 0 else f"{points:.1g}"
    return f"{digits} points"


def format_p_value(p_value: float) -> str:
    """Writes a p-value with four decimals, never as zero."""
    return "p < 0.0001" if p_value < 0.0001 else f"p = {p_value:.4f}"


def _warnings(models: Sequence[ModelFacts]) -> tuple[str, ...]:
    found = [*_leaks(models), *_incomplete_checkpoints(models), *_differing_settings(models)]
    if any(
        m.evaluation.training.hardware != models[0].evaluation.training.hardware for m in models
    ):
        found.append("The models were trained on different hardware: do not compare their speed.")
    return tuple(found)


def _leaks(models: Sequence[ModelFacts]) -> list[str]:
    """Says once for each split how many of its rows the train rows hold too."""
    found: dict[str, None] = {}
    for model in models:
        for split, facts in model.evaluation.tokens.data.splits.items():
            if facts.leaked:
                found[
                    f"{facts.leaked:,} of {facts.rows:,} {split} rows also occur in the train rows "
                    f"({facts.leaked / facts.rows:.1%}): accuracy on {split} flatters."
                ] = None
    return list(found)


def _incomplete_checkpoints(models: Sequence[ModelFacts]) -> list[str]:
    """Says which variables of the encoder a checkpoint did not hold."""
    return [
        f"The checkpoint of {model.name} holds {restored.restored} of the {restored.expected} "
        f"variables of its encoder; the others began with random values: "
        f"{', '.join(restored.initialised)}."
        for model in models
        if (restored := model.evaluation.training.restored)
        and restored.restored < restored.expected
    ]


def _differing_settings(models: Sequence[ModelFacts]) -> list[str]:
    """Says for each step which parameters the models do not share."""
    found = []
    for step, read in SETTINGS.items():
        settings = side_by_side([read(model.evaluation) for model in models])
        differing = [
            f"{setting.name} ({_values(models, setting)})"
            for setting in settings
            if setting.differs and setting.name not in _EXPECTED_TO_DIFFER
        ]
        if differing:
            found.append(
                f"The {step} settings differ: {', '.join(differing)}. "
                "A difference between the models may come from them."
            )
    return found


def _values(models: Sequence[ModelFacts], setting: Setting) -> str:
    pairs = zip(models, setting.values, strict=True)
    return ", ".join(f"{model.name} {value}" for model, value in pairs)
