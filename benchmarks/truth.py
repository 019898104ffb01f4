"""How often a difference is claimed where the truth is known: `python -m benchmarks.truth`.

Prints Markdown tables, in some ten minutes. Predictions are simulated: a row is predicted right
where the sum of normal numbers exceeds a threshold; one for the row, which all models share, so
that what is hard for one is hard for all; one for the model on this row; one for the run on this
row; one for the seed, which moves the accuracy of the whole run. Rows, seeds and runs are drawn
anew for each simulation.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import combinations, product

import numpy as np
from scipy.stats import multivariate_normal, norm, t

from components.compare.bootstrap import Classes, paired_bootstrap
from components.compare.power import mcnemar_power
from components.compare.statistics import SIGNIFICANCE, Right, exact_mcnemar, holm
from components.compare.two_way import two_way_test

SEED = 42
SIMULATIONS = 2000
BOOTSTRAPS, DRAWS = 500, 1000
ROW_STD, MODEL_STD, RUN_STD = 2.0, 0.7, 0.6  # so models of accuracy 0.8 differ on 13% of rows
ACCURACY = 0.8

Test = Callable[[Right, Right], float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """What is simulated.

    Attributes:
        accuracies: True accuracy of each model, over all rows and seeds.
        rows: Rows of the test set.
        runs: Runs of each model.
        seed_points: About the standard deviation of the accuracy over seeds, in percentage points.
    """

    accuracies: tuple[float, ...]
    rows: int
    runs: int = 1
    seed_points: float = 0.0


def simulate(setting: Setting, generator: np.random.Generator) -> Right:
    """Draws whether each run of each model predicts each row right: [models, runs, rows]."""
    models, runs, rows = len(setting.accuracies), setting.runs, setting.rows

    def normal(std: float, *shape: int) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
        return np.float32(std) * generator.standard_normal(shape, dtype=np.float32)

    score = normal(ROW_STD, rows) + normal(MODEL_STD, models, 1, rows)
    score = score + normal(RUN_STD, models, runs, rows)
    threshold = np.asarray(norm.ppf(setting.accuracies))
    std = float(np.hypot(np.hypot(ROW_STD, MODEL_STD), RUN_STD))
    seed_std = std * setting.seed_points / 100 / norm.pdf(threshold)
    score += seed_std[:, np.newaxis, np.newaxis] * normal(1.0, models, runs, 1)
    needed = -np.hypot(std, seed_std) * threshold
    return np.asarray(score > needed[:, np.newaxis, np.newaxis])


def discordant_shares(setting: Setting) -> tuple[float, float]:
    """Returns the true shares of rows that only the first, only the second model predicts right."""
    shared = ROW_STD**2 / (ROW_STD**2 + MODEL_STD**2 + RUN_STD**2)
    first, second = setting.accuracies
    both = multivariate_normal.cdf(
        norm.ppf([first, second]), cov=np.array([[1.0, shared], [shared, 1.0]])
    )
    return first - float(both), second - float(both)


def predictions(
    right: Right, num_labels: int, generator: np.random.Generator
) -> tuple[Classes, Classes]:
    """Draws true classes, [rows], and predicted classes of `right`'s shape that fit it."""
    labels = np.asarray(generator.integers(num_labels, size=right.shape[-1]))
    others = (labels + generator.integers(1, num_labels, size=right.shape)) % num_labels
    return labels, np.asarray(np.where(right, labels, others))


def mcnemar_test(first: Right, second: Right) -> float:
    """Returns the p-value for one run of each model: [1, rows]."""
    return exact_mcnemar(int((first & ~second).sum()), int((~first & second).sum()))


def over_seeds(first: Right, second: Right) -> float:
    """Returns the p-value for several runs of each model."""
    return two_way_test(first, second).p_value


def pooled_degrees(first: Right, second: Right) -> float:
    """Returns the p-value of Hillis, Berbaum & Metz 2008 for several runs: the one not chosen."""
    result = two_way_test(first, second)
    if not result.standard_error_points:
        return 1.0
    differences = 100 * (first.mean(axis=1) - second.mean(axis=1))
    of_seeds = differences.var(ddof=1) / len(differences)
    variance = result.standard_error_points**2
    degrees = variance**2 / (of_seeds**2 / (len(differences) - 1)) if of_seeds else np.inf
    return float(2 * t.sf(abs(result.points) / result.standard_error_points, degrees))


def claims(
    setting: Setting, test: Test, simulations: int = SIMULATIONS, seed: int = SEED
) -> tuple[int, int]:
    """Counts the simulations with a claim that is corrected by Holm, and those with a wrong one.

    A claim is wrong where the models are equally good or the worse one is called better.
    """
    generator = np.random.default_rng(seed)
    claimed = wrong = 0
    for _ in range(simulations):
        right = simulate(setting, generator)
        pairs = list(combinations(range(len(right)), 2))
        adjusted = holm([test(right[one], right[other]) for one, other in pairs])
        found = [pair for pair, p in zip(pairs, adjusted, strict=True) if p < SIGNIFICANCE]
        claimed += bool(found)
        wrong += any(not _agrees(setting, right, *pair) for pair in found)
    return claimed, wrong


def _agrees(setting: Setting, right: Right, one: int, other: int) -> bool:
    truth = setting.accuracies[one] - setting.accuracies[other]
    return bool(truth * (right[one].mean() - right[other].mean()) > 0)


def covered(
    setting: Setting, num_labels: int = 2, simulations: int = BOOTSTRAPS, draws: int = DRAWS
) -> int:
    """Counts the simulations in which the bootstrap interval holds the true difference."""
    generator = np.random.default_rng(SEED)
    truth = 100 * (setting.accuracies[0] - setting.accuracies[1])
    found = 0
    for number in range(simulations):
        right = simulate(setting, generator)
        labels, predicted = predictions(right, num_labels, generator)
        points = paired_bootstrap(
            labels, predicted[0], predicted[1], num_labels, number, draws
        ).points
        found += points.lower <= truth <= points.upper
    return found


def main() -> None:
    """Prints the tables."""
    for title, figures, lines in (
        ("One run of each model", "exact McNemar", one_run()),
        ("Several runs", "two-way test | pooled degrees of freedom", several()),
        ("Bootstrap intervals", "holds the truth", intervals()),
    ):
        for text in table(title, figures, lines):
            print(text, flush=True)


def table(title: str, figures: str, lines: Iterable[str]) -> Iterable[str]:
    """Frames the lines of a table."""
    header = f"true accuracies | rows | runs | seeds, points | simulations | {figures} | expected"
    yield f"\n## {title}\n\n| {header} |"
    yield "|---|" + "---:|" * header.count("|")
    yield from lines


def line(setting: Setting, simulations: int, *figures: str) -> str:
    """Returns a line of a table."""
    accuracies = ", ".join(f"{accuracy:.2f}" for accuracy in setting.accuracies)
    cells = (
        accuracies, f"{setting.rows:,}", str(setting.runs), f"{setting.seed_points:g}",
        f"{simulations:,}", *figures,
    )  # fmt: skip
    return f"| {' | '.join(cells)} |"


def one_run() -> Iterable[str]:
    """Measures the exact McNemar test, and Holm's correction of three."""
    for better in (0.0, 0.01, 0.03, 0.1):
        for rows in (10, 100, 1000, 12_500):
            setting = Setting(accuracies=(ACCURACY + better, ACCURACY), rows=rows)
            expected = mcnemar_power(rows, *discordant_shares(setting))
            yield line(setting, SIMULATIONS, share(setting, mcnemar_test), f"{expected:.1%}")
    three = Setting(accuracies=(ACCURACY,) * 3, rows=1000)
    yield line(three, SIMULATIONS, share(three, mcnemar_test), "≤ 5%")
    for seed_points in (0.5, 2.0):
        unseen = Setting(accuracies=(ACCURACY,) * 2, rows=12_500, seed_points=seed_points)
        yield line(
            unseen, SIMULATIONS, share(unseen, mcnemar_test), "> 5%: one seed tells not of others"
        )


def several() -> Iterable[str]:
    """Measures the tests over seeds and rows."""
    for runs, rows, seed_points in product((2, 3, 5), (10, 500, 2000, 12_500), (0.0, 0.5, 2.0)):
        equal = Setting(accuracies=(ACCURACY,) * 2, rows=rows, runs=runs, seed_points=seed_points)
        figures = (share(equal, test) for test in (over_seeds, pooled_degrees))
        yield line(equal, SIMULATIONS, *figures, "≤ 5%")
    for better, runs, rows, seed_points in product(
        (0.01, 0.03, 0.1), (3, 5), (2000, 12_500), (0.0, 0.5)
    ):
        setting = Setting(
            accuracies=(ACCURACY + better, ACCURACY), rows=rows, runs=runs, seed_points=seed_points
        )
        yield line(setting, SIMULATIONS, share(setting, over_seeds), "", "")


def intervals() -> Iterable[str]:
    """Measures the paired bootstrap."""
    for better in (0.0, 0.03):
        for runs, seed_points in ((1, 0.0), (2, 2.0), (3, 0.0), (3, 0.5), (3, 2.0), (5, 2.0)):
            setting = Setting(
                accuracies=(ACCURACY + better, ACCURACY), rows=1000, runs=runs,
                seed_points=seed_points,
            )  # fmt: skip
            yield line(setting, BOOTSTRAPS, f"{covered(setting) / BOOTSTRAPS:.1%}", "95%")


def share(setting: Setting, test: Test) -> str:
    """Returns the share of simulations with a claim, and of wrong ones where others can be."""
    claimed, wrong = claims(setting, test)
    true_difference = len(set(setting.accuracies)) > 1
    return f"{claimed / SIMULATIONS:.1%}" + (
        f" ({wrong / SIMULATIONS:.1%} wrong)" if true_difference and wrong else ""
    )


if __name__ == "__main__":
    main()
