"""The result of a comparison in words, which say no more than the statistics carry."""

from collections import Counter
from collections.abc import Sequence

from components.compare.facts import Interval, ModelFacts, PairFacts
from components.compare.statistics import CONFIDENCE


def best_model(models: Sequence[ModelFacts], pairs: Sequence[PairFacts]) -> str | None:
    """Returns the model that is better than every other that did not fail, if there is one."""
    learned = [model.name for model in models if not model.failed]
    wins = Counter(pair.first for pair in pairs if pair.claimed)
    return next((name for name in learned if 0 < wins[name] == len(learned) - 1), None)


def outcome_sentence(models: Sequence[ModelFacts], pairs: Sequence[PairFacts], split: str) -> str:
    """Says what was found: who is better, or that nothing can be claimed, and who FAILED.

    Args:
        models: The models.
        pairs: The pairs of those that did not fail.
        split: The split that decides.
    """
    failed = "; ".join(_failure(model) for model in models if model.failed)
    learned = [model for model in models if not model.failed]
    if len(learned) < 2 and failed:
        return f"No comparison: {failed}."
    if len(learned) < 2:
        return _alone(learned[0], split)
    sentence = (
        _sentence_of_two(pairs[0], split) if len(pairs) == 1 else _ranking(learned, pairs, split)
    )
    return f"{sentence} No figure of a failed model counts: {failed}." if failed else sentence


def _failure(model: ModelFacts) -> str:
    failed = [run for run in model.runs if run.failures]
    which = ""
    if len(model.runs) > 1:
        seeds = ", ".join(str(run.seed) for run in failed)
        which = f" ({len(failed)} of {len(model.runs)} runs: seed {seeds})"
    reasons = dict.fromkeys(failure.why for failure in failed[0].failures)
    return f"{model.name} FAILED{which}: {'; '.join(reasons)}"


def _alone(model: ModelFacts, split: str) -> str:
    interval = model.accuracy_interval
    return (
        f"One model, nothing to compare it with: {model.name} reaches {model.accuracy.mean:.4f} on "
        f"{split} ({CONFIDENCE:.0%} interval {interval.lower:.4f} to {interval.upper:.4f})."
    )


def _sentence_of_two(pair: PairFacts, split: str) -> str:
    if pair.claimed:
        return (
            f"{pair.first} is better than {pair.second} by {format_points(pair.points)} on {split} "
            f"({_evidence(pair)})."
        )
    if len(pair.seeds) > 1:
        return (
            f"No difference can be claimed: on {split} {pair.first} is ahead of {pair.second} by "
            f"{format_points(pair.points)} over {len(pair.seeds)} seeds ({_evidence(pair)})."
        )
    return (
        f"No difference can be claimed: on {split} {pair.first} predicts {pair.first_only} rows "
        f"right that {pair.second} misses, and {pair.second} {pair.second_only} that {pair.first} "
        f"misses: {format_points(pair.points)} ({_evidence(pair)})."
    )


def _ranking(models: Sequence[ModelFacts], pairs: Sequence[PairFacts], split: str) -> str:
    if best := best_model(models, pairs):
        leads = (
            f"than {pair.second} by {format_points(pair.points)} ({_evidence(pair, several=True)})"
            for pair in pairs
            if pair.first == best
        )
        return f"{best} is better than every other model on {split}: {', '.join(leads)}."
    top = max(models, key=lambda model: model.accuracy.mean).name
    doubts = (
        f"{pair.second if pair.first == top else pair.first}, {format_points(pair.points)} "
        f"({_evidence(pair, several=True)})"
        for pair in pairs
        if top in (pair.first, pair.second) and not (pair.claimed and pair.first == top)
    )
    return (
        f"No best model can be named: on {split} {top} has the highest accuracy, but no difference "
        f"can be claimed to {'; '.join(doubts)}."
    )


def _evidence(pair: PairFacts, *, several: bool = False) -> str:
    interval = format_interval(pair.points_interval)
    p_value = pair.adjusted_p_value if several else pair.p_value
    return (
        f"{CONFIDENCE:.0%} CI {interval}, {pair.test} {format_p_value(p_value)}"
        f"{' after Holm' if several else ''}"
    )


def format_points(points: float) -> str:
    """Writes percentage points with one decimal, or more where one would hide a difference."""
    digits = f"{points:.1f}" if points >= 0.05 or points == 0 else f"{points:.1g}"
    return f"{digits} points"


def format_interval(interval: Interval) -> str:
    """Writes an interval of percentage points with one decimal, zero without a sign.

    Two decimals where one would make an end look like zero that is not.
    """
    ends = (interval.lower, interval.upper)
    digits = 2 if any(0 < abs(end) < 0.05 for end in ends) else 1
    lower, upper = (f"{round(end, digits) + 0.0:.{digits}f}" for end in ends)
    return f"{lower} to {upper}"


def format_p_value(p_value: float) -> str:
    """Writes a p-value with four decimals, never as zero."""
    return "p < 0.0001" if p_value < 0.0001 else f"p = {p_value:.4f}"
