"""Reports of simulated evaluations whose truth is known."""

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest
from scipy.stats import binom

from components.artifacts.evaluation import Evaluation, probability_column
from components.artifacts.facts import EvaluationFacts, SplitMetrics
from components.compare.facts import ComparisonFacts
from components.compare.outcome import format_points
from components.compare.power import mcnemar_power
from components.compare.report import render_markdown
from components.compare.runs import Run
from components.compare.verdict import judge
from components.evaluate.metrics import split_metrics

Array = npt.NDArray[Any]

ROWS, DRAWS = 400, 200


@pytest.fixture
def facts(evaluation: Callable[..., Evaluation]) -> EvaluationFacts:
    return evaluation("bert", "+-").facts


def run_of(facts: EvaluationFacts, family: str, right: Array, seed: int = 42) -> Run:
    """Makes a run of two labels that take turns, of which these rows of test are right."""
    truth = np.arange(len(right)) % 2
    predicted = np.where(right, truth, 1 - truth)
    losses = np.where(right, 0.2, 1.6)
    metrics: SplitMetrics = split_metrics(truth, predicted, losses, ("0", "1"), 8, 100.0)
    training = dataclasses.replace(
        facts.training, family=family, encoder=family, config=facts.training.config | {"seed": seed}
    )
    rows = pd.DataFrame({"row": np.arange(len(right))}).assign(
        split="test", text_a="a", text_b="b", leaked=False
    )
    rows["label"], rows["predicted"] = (np.array(["0", "1"])[c] for c in (truth, predicted))
    for label in ("0", "1"):
        rows[probability_column(label)] = np.where(rows["predicted"] == label, 0.8, 0.2)
    return Run(
        f"{family}{seed}",
        dataclasses.replace(facts, metrics={"dev": metrics, "test": metrics}, training=training),
        rows,
    )


def two(
    facts: EvaluationFacts, generator: np.random.Generator, first_only: float, second_only: float
) -> ComparisonFacts:
    """Judges two models of which each row is right for either alone with these probabilities."""
    kind = generator.choice(
        4, ROWS, p=[first_only, second_only, 0.7, 0.3 - first_only - second_only]
    )
    albert, bert = np.isin(kind, (0, 2)), np.isin(kind, (1, 2))
    return judge([run_of(facts, "albert", albert), run_of(facts, "bert", bert)], DRAWS)


def test_of_equal_models_few_are_called_better(facts: EvaluationFacts) -> None:
    generator, simulations = np.random.default_rng(1), 150
    claimed = sum(two(facts, generator, 0.08, 0.08).best is not None for _ in range(simulations))
    assert claimed <= binom.ppf(0.999, simulations, 0.05)


def test_a_better_model_is_named_as_often_as_computed(facts: EvaluationFacts) -> None:
    """10 points better: 13% of the rows are right for the one alone, 3% for the other."""
    generator, simulations = np.random.default_rng(2), 60
    outcomes = [two(facts, generator, 0.13, 0.03).best for _ in range(simulations)]
    power = mcnemar_power(ROWS, 0.13, 0.03)
    assert power > 0.99
    assert outcomes.count("ALBERT") >= binom.ppf(0.001, simulations, power)
    assert "BERT" not in outcomes


def test_the_sentence_says_what_the_numbers_say(facts: EvaluationFacts) -> None:
    generator = np.random.default_rng(3)
    for better in (0.02, 0.05, 0.1):
        found = two(facts, generator, better + 0.03, 0.03)
        (pair,) = found.pairs
        counts = (pair.first_only, pair.second_only)
        assert pair.points == pytest.approx(100 * (counts[0] - counts[1]) / ROWS)
        assert format_points(pair.points) in found.outcome
        assert ("is better than" in found.outcome) == pair.claimed == (found.best is not None)
        report = render_markdown(found, {})
        assert f"{pair.points:+.2f}" in report
        for row in found.table:
            assert f"| {row.task_classification} | 3749 | {row.eval_accuracy:.4f} |" in report


@pytest.mark.parametrize("rows", [2, 5, 10])
def test_a_tiny_test_set_claims_nothing(facts: EvaluationFacts, rows: int) -> None:
    """All right against all but a few wrong: five rows can not carry a claim, ten can fail it."""
    albert, bert = np.ones(rows, np.bool_), np.arange(rows) % 5 != 0
    found = judge([run_of(facts, "albert", albert), run_of(facts, "bert", bert)], DRAWS)
    assert found.best is None


def test_seeds_that_differ_more_than_models_carry_no_claim(facts: EvaluationFacts) -> None:
    """Equal models whose seeds move the accuracy by several points: a pooled test would claim."""
    generator, simulations, claimed = np.random.default_rng(4), 60, 0
    for _ in range(simulations):
        runs = [
            run_of(facts, family, generator.random(ROWS) < 0.8 + generator.normal(0, 0.04), seed)
            for family in ("albert", "bert")
            for seed in (1, 2, 3)
        ]
        claimed += judge(runs, DRAWS).best is not None
    assert claimed <= binom.ppf(0.999, simulations, 0.05)
