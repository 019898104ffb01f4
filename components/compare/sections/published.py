"""What others measured, beside what was measured here."""

from components.compare.blocks import Block, Bullets, Line, Paragraph, Part, Section, Table
from components.compare.facts import ComparisonFacts, ModelFacts, PublishedFacts
from components.compare.publications import FULL_ROWS
from components.compare.sections.figures import TABLE_HEADER, first_run, interval_text, signed
from components.compare.settings import ABSENT
from components.compare.statistics import wilson_interval
from components.encoders.published import REFERENCE_EXPERIMENT, ReferenceRun


def published_figures(comparison: ComparisonFacts) -> Section | None:
    """Writes the published accuracies of the models and, for LCQMC, the reference experiment."""
    parts = (_accuracies(comparison), *_reference(comparison))
    found = tuple(part for part in parts if part)
    return Section("Published figures", found) if found else None


def _accuracies(comparison: ComparisonFacts) -> Part | None:
    found = [(model, facts) for model in comparison.models for facts in model.published]
    if not found:
        return None
    header = (
        "Model", "Split", "Source", "Published best", "Mean of 10 runs", "Measured here",
        "Difference",
    )  # fmt: skip
    rows = tuple((model.name, *_beside(facts)) for model, facts in found)
    table = Table(name="Published accuracies", header=header, rows=rows, text_columns=3)
    note = (
        "Difference: measured here minus the published mean, or the published best where no mean "
        "is published, in percentage points."
    )
    blocks: list[Block] = [table, Paragraph(note)]
    if differences := [_differences(model, facts) for model, facts in found if facts.differences]:
        blocks += [Paragraph("What differs from the published settings:"), Bullets((*differences,))]
    return Part("Accuracies of these encoders", tuple(blocks))


def _beside(facts: PublishedFacts) -> tuple[str, ...]:
    known = facts.best if facts.mean is None else facts.mean
    measured = facts.measured
    return (
        facts.split,
        facts.source,
        f"{facts.best:.4f}",
        ABSENT if facts.mean is None else f"{facts.mean:.4f}",
        ABSENT if measured is None else f"{measured:.4f}",
        ABSENT if measured is None else f"{signed(100 * (measured - known))} points",
    )


def _differences(model: ModelFacts, facts: PublishedFacts) -> Line:
    return f"{model.name} on {facts.split}: {'; '.join(facts.differences)}."


def _reference(comparison: ComparisonFacts) -> list[Part]:
    """Writes the experiment that this tool was made to repeat, and what to make of it."""
    if first_run(comparison.models[0]).tokens.data.config.get("task") != "lcqmc":
        return []
    rows = tuple(
        (
            run.name,
            str(run.global_step),
            f"{run.eval_accuracy:.2f}",
            f"{run.eval_loss:.2f}",
            f"{run.loss:.2f}",
            f"{run.train_samples:,}",
        )
        for run in REFERENCE_EXPERIMENT
    )
    settings = (
        "20,000 pairs of LCQMC, max_seq_length 128, batches of 16, 3 epochs, one RTX 2080 Ti. One "
        "run of each model, without intervals, tests or seeds."
    )
    worst = min(REFERENCE_EXPERIMENT, key=lambda run: run.eval_accuracy)
    table = Table(name="Reference experiment", header=TABLE_HEADER, rows=rows)
    return [Part("The reference experiment", (table, Paragraph(settings), _verdict(worst)))]


def _verdict(run: ReferenceRun) -> Paragraph:
    rows = FULL_ROWS["lcqmc"]["dev"]
    interval = interval_text(wilson_interval(round(run.eval_accuracy * rows), rows))
    return Paragraph(
        f"The {run.eval_accuracy:.2f} of {run.name} is a run that learned nothing, not a worse "
        f"model. On all {rows:,} rows of LCQMC's dev split, which is balanced, the 95% interval of "
        f"{run.eval_accuracy:.2f} is {interval} and holds the 0.50 of always answering one label; "
        f"its loss of {run.eval_loss:.2f} is above the ln(2) = 0.69 of never preferring a label. "
        "This report marks such a run FAILED and names no winner over it."
    )
