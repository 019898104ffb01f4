from collections.abc import Callable
from pathlib import Path

import pytest

from components.compare.facts import ComparisonFacts
from components.compare.fail_if import FIGURES, check_conditions, conditions_met
from components.compare.inputs import read_comparable
from components.compare.verdict import judge
from components.errors import InputError


@pytest.fixture
def comparison(write: Callable[..., Path]) -> ComparisonFacts:
    """ALBERT has 80 of 100 rows right, BERT 95; both are trained for 320.25 seconds."""
    paths = [write("albert", "+" * 80 + "-" * 20), write("bert", "+" * 95 + "-" * 5)]
    return judge(read_comparable(paths), draws=100)


@pytest.mark.parametrize(
    ("condition", "holds"),
    [
        ("albert.accuracy < bert.accuracy - 0.01", True),
        ("albert.accuracy < bert.accuracy - 0.16", False),
        ("albert.accuracy == 0.8 and bert.best", True),
        ("albert.best or bert.failed", False),
        ("not albert.best", True),
        ("0.7 < albert.accuracy <= 0.8", True),
        ("0.8 < albert.accuracy < 2", False),
        ("bert.train_seconds / 60 > 5 and -bert.accuracy < 0", True),
        ("2 * (bert.accuracy - albert.accuracy) >= 0.3 - 1e-9", True),
        ("albert.latency_p95_ms != 4.5", False),
        ("albert.accuracy_lower > 0.71 and albert.accuracy_min == albert.accuracy", True),
        ("bert.calibration_error > 0.1", True),
    ],
)
def test_conditions(comparison: ComparisonFacts, condition: str, holds: bool) -> None:
    check_conditions([condition])
    assert bool(conditions_met([condition], comparison)) == holds


@pytest.mark.parametrize("figure", FIGURES)
def test_every_figure_can_be_named(comparison: ComparisonFacts, figure: str) -> None:
    assert conditions_met([f"bert.{figure} >= 0"], comparison)


def test_what_holds_is_told_with_its_figures(comparison: ComparisonFacts) -> None:
    conditions = ["bert.failed", "albert.accuracy < bert.accuracy"]
    assert conditions_met(conditions, comparison) == [
        "albert.accuracy < bert.accuracy (albert.accuracy is 0.8, bert.accuracy is 0.95)"
    ]


@pytest.mark.parametrize(
    ("condition", "message"),
    [
        ("", r"is no condition: write figures such as albert\.accuracy"),
        ("albert.accuracy <", "is no condition"),
        ("a.accuracy; b.accuracy", "is no condition"),
        ("x\0y", "is no condition"),
        ("bert", r"bert is no figure; write MODEL\.FIGURE, for example bert\.accuracy"),
        ("1 > 0", "names no figure, so it is always the same"),
        ("__import__('os').system('x')", "is not allowed; write figures"),
        ("bert.accuracy.real > 0", "is not allowed"),
        ("[bert.accuracy]", "is not allowed"),
        ("bert.accuracy > '0.5'", "\"'0.5'\" is not allowed|'0.5' is not allowed"),
        ("bert.accuracy if 1 else 2", "is not allowed"),
        ("bert.accuracy ** 9 ** 9", "is not allowed"),
        ("bert.accuracy > True", "is not allowed"),
        ("bert.acuracy > 0.5", "models have no figure 'acuracy'; did you mean 'accuracy'"),
        ("bert.accuracy > 0" + " " * 500, "may have 500 characters, got 517"),
    ],
)
def test_what_is_no_condition_is_refused_before_anything_is_read(
    condition: str, message: str
) -> None:
    with pytest.raises(InputError, match=message):
        check_conditions([condition])


@pytest.mark.parametrize(
    ("condition", "message"),
    [
        (
            "brt.accuracy > 0.5",
            r"no model is called 'brt'; did you mean 'bert'\?; this comparison has albert, bert",
        ),
        ("bert.accuracy / (albert.accuracy - 0.8) > 1", "divides 0.95 by zero"),
    ],
)
def test_what_does_not_fit_the_comparison_is_refused(
    comparison: ComparisonFacts, condition: str, message: str
) -> None:
    with pytest.raises(InputError, match=message):
        conditions_met([condition], comparison)
