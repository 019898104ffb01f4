"""The pictures of a comparison: which there are, and what each shows."""

import base64
from collections.abc import Callable, Mapping, Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullFormatter

from components.compare.curves import curves_png
from components.compare.drawing import (
    LIGHT,
    Look,
    Theme,
    below_all,
    drawable,
    legend,
    percentages,
    png,
)
from components.compare.facts import CalibrationBin, ComparisonFacts, ModelFacts, PairFacts
from components.compare.sections.cost import QUALITY_AND_COST
from components.compare.sections.differing import CALIBRATION
from components.compare.sections.figures import ranked
from components.compare.sections.paired import DIFFERENCES
from components.compare.sections.results import ACCURACY
from components.compare.sections.trainings import CURVES

_PAIRS_DRAWN = 20  # the largest differences; a taller picture is no longer read
_LEAST_COST = 1e-3  # what a logarithmic axis can show
_WIDEN = 1.8  # a logarithmic axis reaches this factor beyond its points: it always holds a tick


def draw(comparison: ComparisonFacts, theme: Theme = LIGHT) -> dict[str, bytes]:
    """Draws each picture that the comparison has something to show in, as a PNG by its name.

    The same comparison gives the same bytes with the same matplotlib.
    """
    drawn = {
        ACCURACY: accuracy_png(comparison, theme),
        QUALITY_AND_COST: quality_and_cost_png(comparison, theme),
        CALIBRATION: calibration_png(comparison, theme),
        CURVES: curves_png(comparison, theme),
    }
    if comparison.pairs:
        drawn[DIFFERENCES] = differences_png(comparison, theme)
    return drawn


def data_uri(picture: bytes) -> str:
    """Returns an address that is the PNG itself."""
    return f"data:image/png;base64,{base64.b64encode(picture).decode('ascii')}"


def accuracy_png(comparison: ComparisonFacts, theme: Theme) -> bytes:
    """Draws the accuracy of each model with its interval, a dot for each run, the best on top."""
    split = comparison.measured_on
    models = ranked(comparison.models)

    def draw_models(figure: Figure) -> None:
        axes = figure.subplots()
        for height, model in enumerate(models):
            look = Look(theme, comparison.models.index(model))
            _interval(axes, look, height, model)
            if len(model.runs) > 1:
                seeds = [run.evaluation.metrics[split].accuracy for run in model.runs]
                heights = [height + 0.24] * len(seeds)
                axes.plot(seeds, heights, ".", color=look.colour, markersize=7, alpha=0.75)
        baseline = models[0].runs[0].evaluation.metrics[split].majority_baseline
        axes.axvline(baseline, color=theme.muted, linestyle=":", linewidth=1.4)
        axes.annotate(
            "most frequent label", (baseline, 1), xycoords=("data", "axes fraction"),
            xytext=(4, 2), textcoords="offset points", color=theme.muted, fontsize=9.5,
        )  # fmt: skip
        names = [drawable(m.name) + (" (FAILED)" if m.failed else "") for m in models]
        _name_heights(axes, names)
        percentages(axes.xaxis)
        below_all(
            figure, f"Accuracy on {split}, {comparison.confidence:.0%} interval" + _dots(models)
        )

    return png(theme, 1.35 + 0.46 * len(models), draw_models)


def _interval(axes: Axes, look: Look, height: float, model: ModelFacts) -> None:
    interval, mean = model.accuracy_interval, model.accuracy.mean
    axes.plot([interval.lower, interval.upper], [height, height], color=look.colour, linewidth=2.2)
    axes.plot(
        mean, height, marker=look.marker, markersize=8, color=look.colour, markeredgewidth=1.8,
        markerfacecolor=look.theme.paper if model.failed else look.colour,
    )  # fmt: skip


def _dots(models: Sequence[ModelFacts]) -> str:
    return "   (dots: runs)" if any(len(model.runs) > 1 for model in models) else ""


def _name_heights(axes: Axes, names: Sequence[str]) -> None:
    """Names what is drawn at the heights 0, 1, …, the first on top."""
    axes.set_yticks(range(len(names)), names)
    axes.tick_params(axis="y", length=0, labelcolor=axes.xaxis.label.get_color())
    axes.set_ylim(len(names) - 0.45, -0.55)
    axes.spines["left"].set_visible(False)
    axes.grid(visible=False, axis="y")


def differences_png(comparison: ComparisonFacts, theme: Theme) -> bytes:
    """Draws the accuracy difference of each pair with its interval, against none at all."""
    pairs = sorted(comparison.pairs, key=lambda pair: -pair.points)[:_PAIRS_DRAWN]

    def draw_pairs(figure: Figure) -> None:
        axes = figure.subplots()
        axes.axvline(0, color=theme.muted, linestyle=":", linewidth=1.4)
        for height, pair in enumerate(pairs):
            _difference(axes, theme, height, pair)
        _name_heights(axes, [f"{drawable(p.first)}\n− {drawable(p.second)}" for p in pairs])
        axes.xaxis.set_major_locator(MaxNLocator(nbins=6))
        below_all(
            figure,
            f"Percentage points on {comparison.measured_on}, {comparison.confidence:.0%} interval\n"
            "(filled: a difference is claimed)",
        )

    return png(theme, 1.15 + 0.58 * len(pairs), draw_pairs)


def _difference(axes: Axes, theme: Theme, height: float, pair: PairFacts) -> None:
    colour = theme.colours[0] if pair.claimed else theme.muted
    interval = pair.points_interval
    axes.plot([interval.lower, interval.upper], [height, height], color=colour, linewidth=2.2)
    axes.plot(
        pair.points, height, marker="o", markersize=8, color=colour, markeredgewidth=1.8,
        markerfacecolor=colour if pair.claimed else theme.paper,
    )  # fmt: skip


_COSTS: Mapping[str, Callable[[ModelFacts], float]] = {
    "Training seconds": lambda model: max(model.cost.train_seconds, _LEAST_COST),
    "Milliseconds to predict a row": lambda model: max(model.cost.latency_p50_ms, _LEAST_COST),
}


def quality_and_cost_png(comparison: ComparisonFacts, theme: Theme) -> bytes:
    """Draws accuracy against training time and against latency: up and to the left is better."""

    def draw_costs(figure: Figure) -> None:
        both = figure.subplots(1, len(_COSTS), sharey=True)
        for axes, (what, read) in zip(both, _COSTS.items(), strict=True):
            for place, model in enumerate(comparison.models):
                _quality(axes, Look(theme, place), model, read(model))
            _logarithmic(axes, [read(model) for model in comparison.models])
            axes.set_xlabel(what)
        both[0].set_ylabel(f"Accuracy on {comparison.measured_on}")
        percentages(both[0].yaxis)
        legend(figure, both[0], [drawable(model.name) for model in comparison.models])

    return png(theme, 3.3 + 0.12 * len(comparison.models), draw_costs)


def _quality(axes: Axes, look: Look, model: ModelFacts, cost: float) -> None:
    interval, mean = model.accuracy_interval, model.accuracy.mean
    axes.errorbar(
        [cost], [mean], yerr=[[mean - interval.lower], [interval.upper - mean]],
        color=look.colour, marker=look.marker, markersize=8, linestyle="none",
        markerfacecolor=look.theme.paper if model.failed else look.colour, markeredgewidth=1.8,
        label=drawable(model.name) + (" (FAILED)" if model.failed else ""),
    )  # fmt: skip


def _logarithmic(axes: Axes, costs: Sequence[float]) -> None:
    axes.set_xscale("log")
    axes.set_xlim(min(costs) / _WIDEN, max(costs) * _WIDEN)
    axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda cost, _: f"{cost:,.5g}"))
    axes.xaxis.set_minor_formatter(NullFormatter())


def calibration_png(comparison: ComparisonFacts, theme: Theme) -> bytes:
    """Draws accuracy over confidence: on the diagonal, probabilities mean what they say."""

    def draw_bins(figure: Figure) -> None:
        axes = figure.subplots()
        axes.plot([0, 1], [0, 1], color=theme.muted, linestyle=":", linewidth=1.4)
        for place, model in enumerate(comparison.models):
            look, bins = Look(theme, place), pooled_bins(model)
            axes.plot(
                [b.confidence for b in bins], [b.accuracy for b in bins], color=look.colour,
                linestyle=look.dashes, marker=look.marker, markersize=5, label=drawable(model.name),
                clip_on=False,
            )  # fmt: skip
        classes = len(comparison.models[0].runs[0].evaluation.tokens.data.labels)
        axes.set_xlim(max(0.0, 1 / classes - 0.02), 1)
        axes.set_ylim(0, 1)
        axes.set_xlabel("Confidence: probability of the predicted label")
        axes.set_ylabel(f"Accuracy on {comparison.measured_on}")
        for axis in (axes.xaxis, axes.yaxis):
            percentages(axis)
        legend(figure, axes, [drawable(model.name) for model in comparison.models])

    return png(theme, 4.2, draw_bins)


def pooled_bins(model: ModelFacts) -> list[CalibrationBin]:
    """Puts the calibration bins of a model's runs together, weighted by their rows."""
    bins: dict[float, list[CalibrationBin]] = {}
    for run in model.runs:
        for one in run.calibration.bins:
            bins.setdefault(one.lower, []).append(one)
    return [_pooled(bins[lower]) for lower in sorted(bins)]


def _pooled(bins: Sequence[CalibrationBin]) -> CalibrationBin:
    rows = sum(one.rows for one in bins)
    return CalibrationBin(
        lower=bins[0].lower,
        upper=bins[0].upper,
        rows=rows,
        confidence=sum(one.rows * one.confidence for one in bins) / rows,
        accuracy=sum(one.rows * one.accuracy for one in bins) / rows,
    )
