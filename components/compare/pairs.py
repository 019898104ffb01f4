"""Two models on the same rows: where they differ, and whether that is more than chance."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np
import numpy.typing as npt

from components.compare.bootstrap import paired_bootstrap
from components.compare.facts import PairFacts, SampleRow
from components.compare.power import detectable_points, smallest_claimable
from components.compare.runs import Run, paired
from components.compare.statistics import SIGNIFICANCE, Right, exact_mcnemar, holm
from components.compare.two_way import two_way_test

SAMPLED_ROWS = 5
"""Rows shown of each cell of the disagreement table."""

MCNEMAR, TWO_WAY = "exact McNemar", "two-way test over seeds and rows"

Cells = dict[str, npt.NDArray[np.bool_]]


@dataclass(frozen=True, slots=True)
class Entrant:
    """A model that takes part in pairs.

    Attributes:
        name: Its name.
        runs: Its runs, by seed.
    """

    name: str
    runs: Sequence[Run]


def compare_pairs(
    entrants: Sequence[Entrant], split: str, seed: int, draws: int
) -> tuple[PairFacts, ...]:
    """Compares each pair of models; p-values are corrected for the number of pairs.

    Args:
        entrants: The models.
        split: The split that decides.
        seed: Of the bootstrap and of the sampled rows.
        draws: Draws of the bootstrap.
    """
    pairs = [
        compare_pair(one, other, split, seed, draws) for one, other in combinations(entrants, 2)
    ]
    adjusted = holm([pair.p_value for pair in pairs])
    return tuple(
        replace(pair, adjusted_p_value=p, claimed=_may_claim(pair, p))
        for pair, p in zip(pairs, adjusted, strict=True)
    )


def _may_claim(pair: PairFacts, adjusted_p_value: float) -> bool:
    """A difference is claimed where the test and the bootstrap interval both say so."""
    return adjusted_p_value < SIGNIFICANCE and pair.points_interval.lower > 0


def compare_pair(one: Entrant, other: Entrant, split: str, seed: int, draws: int) -> PairFacts:
    """Compares two models, the one with more rows right first; as if it were the only pair."""
    matched = paired(one.runs, other.runs)
    right = np.array([run.right(split) for run, _ in matched])
    other_right = np.array([other_run.right(split) for _, other_run in matched])
    if other_right.sum() > right.sum():
        one, other, right, other_right = other, one, other_right, right
        matched = [(run, other_run) for other_run, run in matched]
    cells = _cells(right, other_right)
    test, p_value, smallest, detectable = _tested(right, other_right, cells)
    intervals = paired_bootstrap(
        matched[0][0].true_classes(split),
        np.array([run.predicted_classes(split) for run, _ in matched]),
        np.array([other_run.predicted_classes(split) for _, other_run in matched]),
        len(matched[0][0].facts.tokens.data.labels),
        seed,
        draws,
    )
    pair = PairFacts(
        first=one.name,
        second=other.name,
        seeds=tuple((run.seed, other_run.seed) for run, other_run in matched),
        **{name: int(cell.sum()) for name, cell in cells.items()},
        points=float(100 * (right.mean() - other_right.mean())),
        points_interval=intervals.points,
        f1_points=intervals.f1_points_observed,
        f1_interval=intervals.f1_points,
        test=test,
        p_value=p_value,
        adjusted_p_value=p_value,
        claimed=False,
        smallest_claimable_points=smallest,
        detectable_points=detectable,
        samples=_samples(matched[0], cells, split, seed),
    )
    return replace(pair, claimed=_may_claim(pair, p_value))


def _cells(right: Right, other_right: Right) -> Cells:
    """Tells which rows of which runs lie in each cell of the disagreement table."""
    return {
        "both_right": right & other_right,
        "first_only": right & ~other_right,
        "second_only": ~right & other_right,
        "neither": ~right & ~other_right,
    }


def _tested(
    right: Right, other_right: Right, cells: Cells
) -> tuple[str, float, float | None, float | None]:
    """Returns name and p-value of the test, and the smallest claimable and detectable points."""
    if len(right) > 1:
        result = two_way_test(right, other_right)
        return TWO_WAY, result.p_value, result.smallest_claimable_points, None
    first_only, second_only = int(cells["first_only"].sum()), int(cells["second_only"].sum())
    rows, discordant = right.shape[1], first_only + second_only
    return (
        MCNEMAR,
        exact_mcnemar(first_only, second_only),
        smallest_claimable(rows, discordant, SIGNIFICANCE),
        detectable_points(rows, discordant / rows),
    )


def _samples(
    pair: tuple[Run, Run], cells: Cells, split: str, seed: int
) -> dict[str, tuple[SampleRow, ...]]:
    """Draws rows of each cell, in the order of the file."""
    rows, other_rows = (run.labelled_rows(split) for run in pair)
    drawn = {}
    for name, cell in cells.items():
        members = np.flatnonzero(cell[0])
        chosen = np.random.default_rng(seed).permutation(members)[:SAMPLED_ROWS]
        drawn[name] = tuple(
            SampleRow(
                row=int(row["row"]),
                text_a=row["text_a"],
                text_b=row["text_b"] or None,
                label=row["label"],
                first_predicted=row["predicted"],
                second_predicted=other_rows.iloc[place]["predicted"],
            )
            for place, row in ((place, rows.iloc[place]) for place in sorted(chosen))
        )
    return drawn
