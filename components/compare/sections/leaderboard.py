"""Which model stands where, and how its learning rate was chosen."""

from components.compare.blocks import Bullets, Line, Paragraph, Section, Strong, Table
from components.compare.facts import ComparisonFacts, ModelFacts, RateFacts
from components.compare.sections.figures import (
    interval_text,
    range_text,
    ranked,
    several_runs,
    spread_text,
)
from components.compare.settings import ABSENT

_HEADER = (
    "Rank", "Model", "Accuracy", "Interval", "Lowest to highest", "Macro-F1", "Better than",
    "Runs", "Learning rate", "Parameters", "Train seconds", "Latency p50",
)  # fmt: skip


def leaderboard(comparison: ComparisonFacts) -> Section | None:
    """Writes the models in the order of their accuracy; two single runs need no leaderboard."""
    if len(comparison.models) < 3 and not several_runs(comparison):
        return None
    models = ranked(comparison.models)
    rows = tuple(_standing(comparison, model, rank) for rank, model in enumerate(models, 1))
    learned = sum(not model.failed for model in models)
    notes = [
        f"Rank: by mean accuracy on {comparison.measured_on}. It is an order, not a claim: Better "
        f"than says over how many of the other models a difference is claimed.",
        f"Interval: {comparison.confidence:.0%} Wilson interval of the mean accuracy; it speaks of "
        "these trained models. ± is the standard deviation over the seeds.",
    ]
    if learned < len(models):
        notes.append("A model with a FAILED run has no rank.")
    name = f"Models by accuracy on {comparison.measured_on}"
    table = Table(name=name, header=_HEADER, rows=rows, text_columns=2)
    return Section("Leaderboard", (table, Bullets(tuple(notes))))


def _standing(comparison: ComparisonFacts, model: ModelFacts, rank: int) -> tuple[Line, ...]:
    return (
        ABSENT if model.failed else str(rank),
        (model.name, " ", Strong("FAILED")) if model.failed else model.name,
        spread_text(model.accuracy),
        interval_text(model.accuracy_interval),
        range_text(model.accuracy),
        spread_text(model.macro_f1),
        ABSENT if model.failed else _beaten(comparison, model),
        str(len(model.runs)),
        f"{model.learning_rate:g}",
        f"{model.cost.parameters:,}",
        f"{model.cost.train_seconds:,.1f}",
        f"{model.cost.latency_p50_ms:,.2f} ms",
    )


def _beaten(comparison: ComparisonFacts, model: ModelFacts) -> str:
    others = sum(not other.failed for other in comparison.models) - 1
    beaten = sum(pair.claimed and pair.first == model.name for pair in comparison.pairs)
    return f"{beaten} of {others}"


def learning_rates(comparison: ComparisonFacts) -> Section | None:
    """Writes what was tried and what was chosen, where a model had more than one rate."""
    if all(len(model.rates) < 2 for model in comparison.models):
        return None
    header = ("Model", "Learning rate", "Chosen", "Seeds", "Failed", "Dev accuracy", "Dev loss")
    rows = tuple(_tried(model, rate) for model in comparison.models for rate in model.rates)
    note = (
        "Chosen for each model on dev alone: the fewest failed runs, then the highest mean "
        "accuracy, then the lowest mean loss, then the smaller rate. "
    )
    if comparison.measured_on == "dev":
        note += "The same dev rows then decide the comparison, so its figures flatter every model."
    else:
        note += f"The {comparison.measured_on} split was not looked at to choose."
    table = Table(name="Learning rates tried", header=header, rows=rows, text_columns=3)
    return Section("Choice of the learning rate", (table, Paragraph(note)))


def _tried(model: ModelFacts, rate: RateFacts) -> tuple[Line, ...]:
    figures = (
        f"{rate.learning_rate:g}",
        "yes" if rate.chosen else "no",
        ", ".join(map(str, rate.seeds)),
        str(rate.failed),
        spread_text(rate.dev_accuracy),
        spread_text(rate.dev_loss),
    )
    return (model.name, *(Strong(text) if rate.chosen else text for text in figures))
