"""Each pair of models on the same rows: what may be claimed."""

from components.compare.blocks import Bullets, Figure, Line, Paragraph, Section, Strong, Table
from components.compare.facts import ComparisonFacts, PairFacts
from components.compare.outcome import format_interval, format_p_value
from components.compare.sections.figures import signed
from components.compare.settings import ABSENT

DIFFERENCES = "differences.png"


def paired_comparison(comparison: ComparisonFacts) -> Section:
    """Writes the statistics of each pair, and what each of them means."""
    if not comparison.pairs:
        return Section("Paired comparison", (Paragraph(_NOTHING_TO_PAIR),))
    corrected = len(comparison.pairs) > 1
    interval = f"{comparison.confidence:.0%} interval"
    header = (
        "First", "Second", "Points of accuracy", interval, "Claimed", "p",
        *(["Holm's p"] if corrected else []), "Points of macro-F1", f"{interval} of it",
        "Smallest claimable", "Detectable", "Test",
    )  # fmt: skip
    rows = tuple(_pair_row(pair, corrected=corrected) for pair in comparison.pairs)
    table = Table(name="Pairs of models", header=header, rows=rows, text_columns=2)
    figure = Figure(DIFFERENCES, f"Accuracy differences of the pairs with their {interval}s")
    return Section("Paired comparison", (table, figure, _meanings(comparison)))


_NOTHING_TO_PAIR = (
    "Fewer than two models are left that did not fail, so there is nothing to compare."
)


def _pair_row(pair: PairFacts, *, corrected: bool) -> tuple[Line, ...]:
    return (
        pair.first,
        pair.second,
        signed(pair.points),
        format_interval(pair.points_interval),
        Strong("yes") if pair.claimed else "no",
        _p_value(pair.p_value),
        *([_p_value(pair.adjusted_p_value)] if corrected else []),
        signed(pair.f1_points),
        format_interval(pair.f1_interval),
        _points(pair.smallest_claimable_points),
        _points(pair.detectable_points),
        pair.test,
    )


def _points(points: float | None) -> str:
    return ABSENT if points is None else f"{points:.2f}"


def _p_value(p_value: float) -> str:
    """Writes a p-value for a column of such: `0.0061`, `< 0.0001`."""
    return format_p_value(p_value).removeprefix("p ").removeprefix("= ")


def _meanings(comparison: ComparisonFacts) -> Bullets:
    """Explains each column in one line."""
    p_value = "Holm's p" if len(comparison.pairs) > 1 else "p"
    tests = dict.fromkeys(pair.test for pair in comparison.pairs)
    meanings: list[tuple[str, str]] = [
        (
            "Points of accuracy",
            "the first model's accuracy minus the second's, in percentage points. The first is the "
            "one with more rows right.",
        ),
        (
            "Interval",
            f"paired bootstrap with {comparison.bootstrap_draws:,} draws (seed {comparison.seed}): "
            "the differences that rows drawn anew would plausibly give.",
        ),
        (
            "Claimed",
            f"yes where {p_value} is below {comparison.significance:g} and the interval lies above "
            "0; otherwise the difference may be chance.",
        ),
        (
            "p",
            "how often two equally good models would differ at least as much by chance: "
            f"{' and '.join(tests)}.",
        ),
        (
            "Points of macro-F1",
            "the same for the mean of the classes' F1, in which every class weighs the same.",
        ),
        (
            "Smallest claimable",
            "the smallest difference that would have been claimed here, given how much the two "
            "disagree, for this pair alone.",
        ),
        (
            "Detectable",
            "the true difference that a test set of this size finds 4 times of 5 (80% power); "
            f"{ABSENT} where that cannot be said.",
        ),
    ]
    if len(comparison.pairs) > 1:
        corrected = (
            f"p corrected for looking at {len(comparison.pairs)} pairs (Holm 1979, Scandinavian "
            "Journal of Statistics 6:65)."
        )
        meanings.insert(4, ("Holm's p", corrected))
    return Bullets(tuple((Strong(name), f": {meaning}") for name, meaning in meanings))
