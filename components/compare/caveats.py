"""What makes a comparison less fair than it looks."""

from collections.abc import Iterable, Sequence

from components.artifacts.facts import EvaluationFacts
from components.compare.facts import ModelFacts
from components.compare.runs import VARIED
from components.compare.settings import SETTINGS, Setting, side_by_side

_JUDGED_APART = ("encoder", *VARIED)
"""Settings that may differ: what is compared, what is chosen on dev, and what is averaged over."""


def caveats(models: Sequence[ModelFacts]) -> tuple[str, ...]:
    """Returns the warnings of a comparison, one sentence or two each."""
    first_runs = [model.runs[0].evaluation for model in models]
    found = [
        *_leaks(models),
        *_missing_poolers(models),
        *_differing_settings(models),
        *_differing_rates_and_seeds(models),
    ]
    if any(e.training.hardware != first_runs[0].training.hardware for e in _evaluations(models)):
        found.append("The models were trained on different hardware: do not compare their speed.")
    return tuple(found)


def _evaluations(models: Sequence[ModelFacts]) -> list[EvaluationFacts]:
    return [run.evaluation for model in models for run in model.runs]


def _leaks(models: Sequence[ModelFacts]) -> list[str]:
    """Says once for each split how many of its rows the train rows hold too."""
    found: dict[str, None] = {}
    for evaluation in _evaluations(models):
        for split, facts in evaluation.tokens.data.splits.items():
            if facts.leaked:
                found[
                    f"{facts.leaked:,} of {facts.rows:,} {split} rows also occur in the train rows "
                    f"({facts.leaked / facts.rows:.1%}): accuracy on {split} flatters."
                ] = None
    return list(found)


def _missing_poolers(models: Sequence[ModelFacts]) -> list[str]:
    """Says which variables of the encoder a checkpoint did not hold."""
    return [
        f"The checkpoint of {model.name} holds {restored.restored} of the {restored.expected} "
        f"variables of its encoder; the others began with random values: "
        f"{', '.join(restored.initialised)}."
        for model in models
        if (restored := model.runs[0].evaluation.training.restored)
        and restored.restored < restored.expected
    ]


def _differing_settings(models: Sequence[ModelFacts]) -> list[str]:
    """Says for each step which parameters the models do not share."""
    found = []
    for step, read in SETTINGS.items():
        settings = side_by_side([read(model.runs[0].evaluation) for model in models])
        differing = [
            f"{setting.name} ({_values(models, setting)})"
            for setting in settings
            if setting.differs and setting.name not in _JUDGED_APART
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


def _differing_rates_and_seeds(models: Sequence[ModelFacts]) -> list[str]:
    """A model that had more rates to choose from, or other seeds, had other chances."""
    tried = {
        "learning rates were tried": [_listed(r.learning_rate for r in m.rates) for m in models],
        "seeds were run": [_listed(s for r in m.rates for s in r.seeds) for m in models],
    }
    found = []
    for what, values in tried.items():
        if len(set(values)) > 1:
            each = (f"{m.name} {value}" for m, value in zip(models, values, strict=True))
            found.append(
                f"Not the same {what}: {', '.join(each)}. "
                "A difference between the models may come from that."
            )
    return found


def _listed(values: Iterable[float]) -> str:
    return " and ".join(f"{value:g}" for value in sorted(set(values)))
