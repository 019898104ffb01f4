"""What may be claimed from evaluations: who failed, who is better, and what weakens it."""

from collections.abc import Sequence

import numpy as np

from components.compare.bootstrap import DRAWS
from components.compare.caveats import caveats
from components.compare.facts import VERSION, ComparisonFacts, ModelFacts, TableRow
from components.compare.models import model_facts
from components.compare.names import distinguishing_suffixes, keys
from components.compare.outcome import best_model, outcome_sentence
from components.compare.pairs import Entrant, compare_pairs
from components.compare.runs import Run, measured_splits, runs_by_model
from components.compare.statistics import CONFIDENCE, SIGNIFICANCE

SEED = 42
"""Of the bootstrap and of the sampled rows: the same evaluations give the same report."""


def judge(runs: Sequence[Run], draws: int = DRAWS) -> ComparisonFacts:
    """Draws from comparable runs all that the report says.

    Args:
        runs: The runs, in the order in which their models shall stand.
        draws: Draws of the bootstrap of each pair.

    Raises:
        InputError: A run is there twice.
    """
    split = measured_splits(runs[0])[0]
    groups = runs_by_model(runs)
    trainings = [group[0].facts.training for group in groups]
    suffixes = distinguishing_suffixes(trainings)
    models, entrants = [], []
    for training, suffix, key, group in zip(
        trainings, suffixes, keys([t.family for t in trainings], suffixes), groups, strict=True
    ):
        facts, chosen = model_facts(training.family.upper() + suffix, key, group, split)
        models.append(facts)
        if not facts.failed:
            entrants.append(Entrant(facts.name, chosen))
    pairs = compare_pairs(entrants, split, SEED, draws)
    failures = [f for model in models for run in model.runs for f in run.failures]
    return ComparisonFacts(
        version=VERSION,
        measured_on=split,
        confidence=CONFIDENCE,
        significance=SIGNIFICANCE,
        bootstrap_draws=draws,
        seed=SEED,
        table=tuple(_table_row(m, s, split) for m, s in zip(models, suffixes, strict=True)),
        outcome=outcome_sentence(models, pairs, split),
        best=best_model(models, pairs),
        advice=tuple(dict.fromkeys(failure.advice for failure in failures)),
        warnings=caveats(models),
        pairs=pairs,
        models=tuple(models),
    )


def _table_row(model: ModelFacts, suffix: str, split: str) -> TableRow:
    metrics = [run.evaluation.metrics[split] for run in model.runs]
    trainings = [run.evaluation.training for run in model.runs]
    task = model.runs[0].evaluation.tokens.data.task_name.upper()
    return TableRow(
        task_classification=f"{model.family.upper()}_{task}{suffix}",
        global_step=round(np.mean([training.global_step for training in trainings])),
        eval_accuracy=model.accuracy.mean,
        eval_loss=float(np.mean([one.eval_loss for one in metrics])),
        loss=float(np.mean([one.loss for one in metrics])),
        samples=trainings[0].train_examples,
        failed=model.failed,
    )
