"""All about one model of a comparison, from its runs."""

from collections.abc import Iterable, Sequence

import numpy as np
import numpy.typing as npt

from components.artifacts.evaluation import probability_column
from components.compare.calibration import calibration
from components.compare.facts import (
    BucketFacts,
    CalibrationFacts,
    CostFacts,
    ModelFacts,
    RunFacts,
    UnleakedFacts,
)
from components.compare.failures import failures
from components.compare.publications import publications
from components.compare.rates import chosen_runs, spread
from components.compare.runs import Run, measured_splits
from components.compare.statistics import accuracy_interval, wilson_interval

LENGTH_BUCKETS = 4


def model_facts(
    name: str, key: str, tried: Sequence[Run], split: str
) -> tuple[ModelFacts, list[Run]]:
    """Draws a model's facts from its runs; also returns the runs with the chosen learning rate.

    Args:
        name: Its name in sentences.
        key: Its name in expressions.
        tried: Its runs, with one learning rate or several.
        split: The split that decides.
    """
    rates, runs = chosen_runs(tried)
    training = runs[0].facts.training
    metrics = [run.facts.metrics[split] for run in runs]
    accuracy = spread([one.accuracy for one in metrics])
    run_facts = tuple(_run_facts(run, split) for run in runs)
    facts = ModelFacts(
        name=name,
        key=key,
        family=training.family,
        encoder=training.encoder,
        learning_rate=runs[0].learning_rate,
        rates=rates,
        runs=run_facts,
        failed=any(run.failures for run in run_facts),
        accuracy=accuracy,
        accuracy_interval=wilson_interval(accuracy.mean * metrics[0].rows, metrics[0].rows),
        macro_f1=spread([one.macro_f1 for one in metrics]),
        by_length=_by_length(runs, split),
        unleaked=_unleaked(runs),
        cost=_cost(runs, tried, split),
        published=publications(runs),
    )
    return facts, runs


def _run_facts(run: Run, split: str) -> RunFacts:
    training = run.facts.training
    return RunFacts(
        learning_rate=run.learning_rate,
        seed=run.seed,
        source=run.source,
        accuracy_intervals={s: accuracy_interval(m) for s, m in run.facts.metrics.items()},
        failures=failures(run.facts, split),
        calibration=_calibration(run, split),
        padding_share=1 - training.real_tokens / max(training.computed_tokens, 1),
        evaluation=run.facts,
    )


def _calibration(run: Run, split: str) -> CalibrationFacts:
    columns = [probability_column(label) for label in run.facts.tokens.data.labels]
    probabilities = run.labelled_rows(split)[columns].to_numpy(np.float64)
    return calibration(probabilities.max(axis=1), run.right(split))


def _mean_right(runs: Sequence[Run], split: str) -> npt.NDArray[np.float64]:
    """Returns for each labelled row of a split the share of runs that predict it right."""
    right = np.array([run.right(split) for run in runs])
    return np.asarray(right.mean(axis=0), dtype=np.float64)


def _by_length(runs: Sequence[Run], split: str) -> tuple[BucketFacts, ...]:
    """Cuts the rows at the quartiles of their lengths in characters; fewer where many are equal."""
    rows = runs[0].labelled_rows(split)
    lengths = (rows["text_a"].str.len() + rows["text_b"].fillna("").str.len()).to_numpy(np.int64)
    right = _mean_right(runs, split)
    cuts = np.unique(np.quantile(lengths, np.linspace(0, 1, LENGTH_BUCKETS + 1)[1:-1]))
    bucket = np.searchsorted(cuts, lengths, side="left")  # a row at a cut belongs below it
    return tuple(
        BucketFacts(
            shortest=int(lengths[members].min()),
            longest=int(lengths[members].max()),
            rows=int(members.sum()),
            accuracy=float(right[members].mean()),
        )
        for members in (bucket == index for index in np.unique(bucket))
    )


def _unleaked(runs: Sequence[Run]) -> dict[str, UnleakedFacts]:
    found = {}
    for split in measured_splits(runs[0]):
        leaked = runs[0].labelled_rows(split)["leaked"].to_numpy(np.bool_)
        if not leaked.any():
            continue
        right = _mean_right(runs, split)[~leaked]
        found[split] = UnleakedFacts(
            leaked=int(leaked.sum()),
            rows=len(right),
            accuracy=float(right.mean()) if len(right) else None,
        )
    return found


def _cost(runs: Sequence[Run], tried: Sequence[Run], split: str) -> CostFacts:
    trainings = [run.facts.training for run in runs]
    costs = [run.facts.cost for run in runs]
    metrics = [run.facts.metrics[split] for run in runs]
    on_accelerators = [t.peak_accelerator_memory_bytes for t in trainings]
    known = [peak for peak in on_accelerators if peak is not None]
    return CostFacts(
        parameters=trainings[0].parameters,
        weights_bytes=costs[0].weights_bytes,
        train_seconds=_mean(t.train_seconds for t in trainings),
        train_examples_per_second=_mean(t.examples_per_second for t in trainings),
        predict_examples_per_second=_mean(one.examples_per_second for one in metrics),
        latency_p50_ms=_mean(cost.latency_p50_ms for cost in costs),
        latency_p95_ms=_mean(cost.latency_p95_ms for cost in costs),
        peak_memory_bytes=max(t.peak_memory_bytes for t in trainings),
        peak_accelerator_memory_bytes=max(known) if known else None,
        accelerator_hours=_mean(t.seconds * t.accelerators / 3600 for t in trainings),
        search_seconds=float(sum(run.facts.training.seconds for run in tried)),
    )


def _mean(values: Iterable[float]) -> float:
    return float(np.mean(list(values)))
