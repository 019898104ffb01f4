"""The loss curves of a comparison as a PNG."""

import math
from collections.abc import Sequence
from io import BytesIO

from matplotlib import style
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator, PercentFormatter

from components.compare.facts import ComparisonFacts, ModelFacts

# Okabe and Ito's palette, told apart by colour-blind eyes; dashes tell the lines apart in print.
_COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
_DASHES = ("-", (0, (6, 2)), (0, (2, 1.2)), (0, (7, 2, 1.5, 2)))
_INK, _MUTED, _GRID = "#222222", "#6B6B6B", "#E6E6E6"
_STYLE = {
    "font.family": "DejaVu Sans",  # comes with matplotlib, so every machine draws the same
    "font.size": 10,
    "text.color": _INK,
    "text.parse_math": False,
    "axes.edgecolor": "#B5B5B5",
    "axes.labelcolor": _INK,
    "axes.grid": True,
    "axes.axisbelow": True,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "grid.color": _GRID,
    "xtick.color": _MUTED,
    "ytick.color": _MUTED,
    "lines.linewidth": 1.9,
    "lines.solid_capstyle": "round",
}
_FEW_POINTS = 25


def loss_curves_png(comparison: ComparisonFacts) -> bytes:
    """Draws train loss and dev accuracy over the optimizer steps, a line for each model.

    The same comparison gives the same bytes with the same matplotlib.
    """
    with style.context(["default", _STYLE]):  # whatever the user's own matplotlibrc says
        figure = Figure(figsize=(8.4, 6.6), dpi=130, layout="constrained")
        FigureCanvasAgg(figure)
        losses, accuracies = figure.subplots(2, 1, sharex=True, height_ratios=(3, 2))
        _draw_losses(losses, comparison.models)
        _draw_accuracies(accuracies, comparison.models)
        figure.get_layout_engine().set(h_pad=0.1, hspace=0.04)  # type: ignore[union-attr,call-arg]
        figure.legend(
            *losses.get_legend_handles_labels(), loc="outside upper left", ncols=3, frameon=False
        )
        buffer = BytesIO()
        figure.savefig(buffer, format="png", metadata={"Software": None})
    return buffer.getvalue()


def _draw_losses(axes: Axes, models: Sequence[ModelFacts]) -> None:
    for place, model in enumerate(models):
        curve = model.evaluation.training.curve
        _line(axes, place, [p.step for p in curve], [p.loss for p in curve], _drawable(model.name))
    classes = len(models[0].evaluation.tokens.data.labels)
    _reference(axes, math.log(classes), f"learned nothing: ln({classes}) = {math.log(classes):.2f}")
    axes.set_ylim(bottom=0)
    axes.set_ylabel("Train loss (nats)")


def _draw_accuracies(axes: Axes, models: Sequence[ModelFacts]) -> None:
    for place, model in enumerate(models):
        training = model.evaluation.training
        points = training.dev_curve
        _line(axes, place, [p.step for p in points], [p.accuracy for p in points])
        for kept in (p for p in points if p.step == training.best_step):
            axes.plot(
                kept.step, kept.accuracy, marker="o", markersize=9, color=_colour(place), zorder=4,
                markerfacecolor="white", markeredgewidth=2, clip_on=False,
            )  # fmt: skip
    if dev := models[0].evaluation.metrics.get("dev"):
        _reference(axes, dev.majority_baseline, "most frequent label")
    axes.set_ylabel("Dev accuracy")
    axes.set_xlabel("Optimizer steps   (ring: the weights that were kept)")
    axes.set_xlim(left=0)
    axes.yaxis.set_major_formatter(PercentFormatter(xmax=1))
    axes.yaxis.set_major_locator(MaxNLocator(nbins=5, steps=[1, 2, 5, 10]))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda step, _: f"{step:,.0f}"))
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))


def _line(
    axes: Axes, place: int, steps: Sequence[int], heights: Sequence[float], label: str = ""
) -> None:
    axes.plot(
        steps,
        heights,
        color=_colour(place),
        linestyle=_DASHES[place % len(_DASHES)],
        marker="o" if len(steps) <= _FEW_POINTS else "",
        markersize=3.5,
        label=label or None,
        zorder=3,
    )


def _reference(axes: Axes, height: float, text: str) -> None:
    """Draws a dotted line that says what no learning looks like."""
    axes.axhline(height, color=_MUTED, linestyle=":", linewidth=1.4, zorder=2)
    axes.annotate(
        text, (1, height), xycoords=("axes fraction", "data"), xytext=(0, 3),
        textcoords="offset points", ha="right", va="bottom", color=_MUTED, fontsize=9, zorder=5,
        bbox={"facecolor": "white", "edgecolor": "none", "alpha": 0.8, "pad": 1.5},
    )  # fmt: skip


def _colour(place: int) -> str:
    return _COLOURS[place % len(_COLOURS)]


def _drawable(name: str) -> str:
    """Replaces what fonts may lack; a leading underscore would hide the line from the legend."""
    return name.encode("ascii", "replace").decode().replace("\n", " ").lstrip("_")
