"""The picture of the trainings: loss and dev accuracy over the optimizer steps."""

import math
from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator

from components.artifacts.facts import TrainingFacts
from components.compare.drawing import (
    Look,
    Theme,
    drawable,
    legend,
    percentages,
    png,
    reference_line,
)
from components.compare.facts import ComparisonFacts, ModelFacts

_FEW_POINTS = 25
_HIGHEST_LOSS = 3  # times ln(classes): a loss that broke down must not flatten the others


def curves_png(comparison: ComparisonFacts, theme: Theme) -> bytes:
    """Draws a line for each run, thin ones where a model has several."""

    def draw(figure: Figure) -> None:
        losses, accuracies = figure.subplots(2, 1, sharex=True, height_ratios=(3, 2))
        _draw_losses(losses, comparison.models, theme)
        _draw_accuracies(accuracies, comparison.models, theme)
        figure.get_layout_engine().set(h_pad=0.08, hspace=0.04)  # type: ignore[union-attr,call-arg]
        legend(figure, losses, [drawable(model.name) for model in comparison.models])

    return png(theme, 5.6, draw)


def _draw_losses(axes: Axes, models: Sequence[ModelFacts], theme: Theme) -> None:
    highest = 0.0
    for place, model in enumerate(models):
        for number, training in enumerate(_trainings(model)):
            points = [p for p in training.curve if math.isfinite(p.loss)]
            label = "" if number else drawable(model.name)
            _line(axes, Look(theme, place), model, [(p.step, p.loss) for p in points], label)
            highest = max([highest, *(p.loss for p in points)])
    classes = len(_trainings(models[0])[0].labels)
    chance = math.log(classes)
    reference_line(axes, theme, chance, f"learned nothing: ln({classes}) = {chance:.2f}")
    cut = highest > _HIGHEST_LOSS * chance
    axes.set_ylim(0, _HIGHEST_LOSS * chance if cut else max(highest, chance) * 1.12)
    axes.set_ylabel("Train loss (nats)" + (", cut" if cut else ""))


def _draw_accuracies(axes: Axes, models: Sequence[ModelFacts], theme: Theme) -> None:
    for place, model in enumerate(models):
        look, alone = Look(theme, place), len(model.runs) == 1
        for training in _trainings(model):
            _line(axes, look, model, [(p.step, p.accuracy) for p in training.dev_curve])
            for kept in (p for p in training.dev_curve if p.step == training.best_step):
                axes.plot(
                    kept.step, kept.accuracy, marker="o", markersize=8 if alone else 5.5,
                    color=look.colour, markerfacecolor=theme.paper, markeredgewidth=1.8,
                    clip_on=False, zorder=4,
                )  # fmt: skip
    if dev := models[0].runs[0].evaluation.metrics.get("dev"):
        reference_line(axes, theme, dev.majority_baseline, "most frequent label")
    axes.set_ylabel("Dev accuracy")
    axes.set_xlabel("Optimizer steps   (ring: the weights that were kept)")
    axes.set_xlim(left=0)
    percentages(axes.yaxis)
    axes.xaxis.set_major_formatter(FuncFormatter(lambda step, _: f"{step:,.0f}"))
    axes.xaxis.set_major_locator(MaxNLocator(nbins=7, integer=True))


def _trainings(model: ModelFacts) -> list[TrainingFacts]:
    return [run.evaluation.training for run in model.runs]


def _line(
    axes: Axes, look: Look, model: ModelFacts, points: Sequence[tuple[int, float]], label: str = ""
) -> None:
    alone = len(model.runs) == 1
    axes.plot(
        [step for step, _ in points],
        [height for _, height in points],
        color=look.colour,
        linestyle=look.dashes,
        linewidth=1.9 if alone else 1.1,
        marker=look.marker if alone and len(points) <= _FEW_POINTS else "",
        markersize=3.5,
        label=label or None,
        zorder=3,
    )
