"""Which learning rate a model is shown with: chosen on dev, before test is looked at."""

from collections.abc import Sequence

import numpy as np

from components.compare.facts import RateFacts, Spread
from components.compare.failures import training_failures
from components.compare.runs import Run


def spread(values: Sequence[float]) -> Spread:
    """Summarises one figure over runs."""
    return Spread(
        mean=float(np.mean(values)),
        std=float(np.std(values, ddof=1)) if len(values) > 1 else None,
        min=float(min(values)),
        max=float(max(values)),
    )


def chosen_runs(runs: Sequence[Run]) -> tuple[tuple[RateFacts, ...], list[Run]]:
    """Chooses a model's learning rate and returns all that were tried, and the runs with the best.

    Nothing but training and dev is looked at: fewest failed runs first, then the highest mean
    accuracy on dev, then the lowest mean loss on dev, then the smaller rate.
    """
    tried = {run.learning_rate: [r for r in runs if _same_rate(r, run)] for run in runs}
    rates = {rate: _rate_facts(rate, some, chosen=False) for rate, some in sorted(tried.items())}
    best = min(rates.values(), key=_rank).learning_rate
    rates[best] = _rate_facts(best, tried[best], chosen=True)
    return tuple(rates.values()), sorted(tried[best], key=lambda run: run.seed)


def _same_rate(run: Run, other: Run) -> bool:
    return run.learning_rate == other.learning_rate


def _rate_facts(rate: float, runs: Sequence[Run], *, chosen: bool) -> RateFacts:
    dev = [run.facts.metrics["dev"] for run in runs]
    return RateFacts(
        learning_rate=rate,
        seeds=tuple(sorted(run.seed for run in runs)),
        failed=sum(bool(training_failures(run.facts)) for run in runs),
        dev_accuracy=spread([metrics.accuracy for metrics in dev]),
        dev_loss=spread([metrics.eval_loss for metrics in dev]),
        chosen=chosen,
    )


def _rank(rate: RateFacts) -> tuple[float, float, float, float]:
    failed_share = rate.failed / len(rate.seeds)
    return failed_share, -rate.dev_accuracy.mean, rate.dev_loss.mean, rate.learning_rate
