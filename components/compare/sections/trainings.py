"""How the models came to be: curves, settings, architectures, checkpoints, machines."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from components.artifacts.facts import EvaluationFacts, RestoredFacts, TrainingFacts
from components.compare.blocks import Figure, Line, Paragraph, Section, Strong, Table
from components.compare.facts import ComparisonFacts, ModelFacts
from components.compare.sections.cost import GIB
from components.compare.sections.data import short
from components.compare.sections.figures import first_run, over_runs, seeds_text
from components.compare.settings import ABSENT, SETTINGS, Setting, side_by_side, together

CURVES = "loss_curves.png"

_COUNTS: Mapping[str, Callable[[TrainingFacts], float]] = {
    "Rows trained on": lambda t: t.train_examples,
    "Optimizer steps planned": lambda t: t.planned_steps,
    "Optimizer steps done": lambda t: t.global_step,
    "Step of the weights kept": lambda t: t.best_step,
    "Tokens trained on": lambda t: t.real_tokens,
    "Tokens computed, with padding": lambda t: t.computed_tokens,
}
_MEASURES: Mapping[str, Callable[[TrainingFacts], float]] = {
    "Optimizer seconds": lambda t: t.train_seconds,
    "Dev evaluation seconds": lambda t: t.dev_seconds,
    "Seconds in all": lambda t: t.seconds,
    "Rows a second": lambda t: t.examples_per_second,
    "Rows a second, after 10 steps": lambda t: t.steady_examples_per_second,
    "Peak host memory, GiB": lambda t: t.peak_memory_bytes / GIB,
}


def training(comparison: ComparisonFacts) -> Section:
    """Writes the curves and the figures of the trainings."""
    models = comparison.models
    rows = [("Seeds", *(seeds_text(model) for model in models))]
    rows += [("Ended early", *(_stop_reasons(model) for model in models))]
    if any(run.evaluation.training.resumed_at for model in models for run in model.runs):
        rows += [("Resumed at step", *(_resumptions(model) for model in models))]
    rows += [(what, *_figures(models, read, "{:,.0f}")) for what, read in _COUNTS.items()]
    rows += [(what, *_figures(models, read, "{:,.1f}")) for what, read in _MEASURES.items()]
    padding = [over_runs((r.padding_share for r in m.runs), "{:.1%}".format) for m in models]
    rows += [("Padding share", *padding)]
    table = Table(name="Trainings", header=("", *(m.name for m in models)), rows=tuple(rows))
    alt = "Train loss and dev accuracy over the optimizer steps"
    note = "Where the runs of a model differ: the mean, and the range."
    blocks = (Figure(CURVES, alt), table, Paragraph(note))
    return Section("Training", blocks)


def _stop_reasons(model: ModelFacts) -> str:
    reasons = dict.fromkeys(run.evaluation.training.stop_reason or "no" for run in model.runs)
    return "; ".join(reasons)


def _resumptions(model: ModelFacts) -> str:
    steps = (step for run in model.runs for step in run.evaluation.training.resumed_at)
    return ", ".join(map(str, steps)) or "never stopped"


def _figures(
    models: Sequence[ModelFacts], read: Callable[[TrainingFacts], float], form: str
) -> list[str]:
    return [
        over_runs((read(run.evaluation.training) for run in model.runs), form.format)
        for model in models
    ]


def parameters(comparison: ComparisonFacts) -> Section:
    """Writes every resolved parameter of each step."""
    groups = {step: _of_models(comparison, read) for step, read in SETTINGS.items()}
    table = _marked_table("Step", comparison.models, groups)
    return Section("Parameters", (table,), folded=True)


def _of_models(
    comparison: ComparisonFacts, read: Callable[[EvaluationFacts], Mapping[str, Any]]
) -> list[Setting]:
    """Puts what the runs of each model were set to beside each other."""
    return side_by_side(
        [together([read(run.evaluation) for run in model.runs]) for model in comparison.models]
    )


def _marked_table(
    kind: str, models: Sequence[ModelFacts], groups: Mapping[str, Sequence[Setting]]
) -> Table:
    """Writes settings beside each other; one that the models do not share stands in bold."""
    header = (kind, "Name", *(model.name for model in models), "")
    rows = tuple(_marked(group, s) for group, settings in groups.items() for s in settings)
    name = "Settings of the models"
    return Table(name=name, header=header, rows=rows, text_columns=len(header))


def _marked(group: str, setting: Setting) -> tuple[Line, ...]:
    if not setting.differs:
        return (group, setting.name, *setting.values, "")
    return (group, Strong(setting.name), *map(Strong, setting.values), Strong("differs"))


def architectures(comparison: ComparisonFacts) -> Section:
    """Writes every number of each architecture."""
    models = comparison.models
    rows: list[tuple[Line, ...]] = [
        ("encoder", *(model.encoder for model in models)),
        ("trainable parameters", *(f"{model.cost.parameters:,}" for model in models)),
    ]
    configs = [first_run(model).training.encoder_config for model in models]
    rows += [(number.name, *number.values) for number in side_by_side(configs)]
    table = Table(name="Architectures", header=("", *(m.name for m in models)), rows=tuple(rows))
    return Section("Models", (table,), folded=True)


def checkpoints(comparison: ComparisonFacts) -> Section | None:
    """Writes the proof that checkpoints were loaded; nothing where all are from scratch."""
    loaded = [(model.name, first_run(model).training.restored) for model in comparison.models]
    if not any(restored for _, restored in loaded):
        return None
    header = (
        "Model", "Checkpoint", "Format", "Digest", "Variables restored", "Tensors used",
        "Initialised", "Not used",
    )  # fmt: skip
    rows = tuple(
        (name, *(_restored(facts) if facts else ("from scratch", *[ABSENT] * 6)))
        for name, facts in loaded
    )
    note = (
        "Initialised: variables of ours that the checkpoint does not hold, which began with random "
        "or constant values. Not used: tensors that fine-tuning has no use for, and why; "
        "comparison.json names each."
    )
    table = Table(name="Loaded checkpoints", header=header, rows=rows, text_columns=len(header))
    return Section("Loaded checkpoints", (table, Paragraph(note)), folded=True)


def _restored(facts: RestoredFacts) -> tuple[Line, ...]:
    left_over = (f"{len(names)} {reason}" for reason, names in facts.left_over.items())
    whole = facts.restored == facts.expected
    count = f"{facts.restored:,} of {facts.expected:,}"
    return (
        facts.source,
        facts.format,
        short(facts.digest),
        count if whole else Strong(count),
        f"{facts.tensors_used:,} of {facts.tensors:,}",
        ", ".join(facts.initialised) or "none",
        "; ".join(left_over) or "none",
    )


def environment(comparison: ComparisonFacts) -> Section:
    """Writes hardware, versions and seeds."""
    groups = {
        "hardware": _of_models(comparison, lambda facts: facts.training.hardware),
        "versions": _of_models(
            comparison,
            lambda facts: {"keras backend": facts.training.backend} | facts.training.versions,
        ),
        "seed": _of_models(
            comparison,
            lambda facts: {k: v for k, v in facts.training.config.items() if "seed" in k},
        ),
    }
    table = _marked_table("Of", comparison.models, groups)
    return Section("Hardware, versions and seeds", (table, *_sources(comparison)), folded=True)


def _sources(comparison: ComparisonFacts) -> tuple[Table]:
    rows = tuple((m.name, str(run.seed), run.source) for m in comparison.models for run in m.runs)
    return (
        Table(
            name="Evaluations read", header=("Model", "Seed", "Evaluation"), rows=rows,
            text_columns=3,
        ),
    )  # fmt: skip
