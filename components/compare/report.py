"""The report of a comparison: what stands in it, in which order, and its Markdown."""

from collections.abc import Mapping

from components.compare.blocks import Bullets, Document, Line, Strong, Table
from components.compare.facts import ComparisonFacts, TableRow
from components.compare.markdown import write_block, write_section, write_text
from components.compare.sections.cost import cost_beside_quality
from components.compare.sections.data import data
from components.compare.sections.differing import where_they_differ
from components.compare.sections.failed import failed_runs, failures
from components.compare.sections.figures import TABLE_HEADER, first_run, several_runs
from components.compare.sections.leaderboard import leaderboard, learning_rates
from components.compare.sections.paired import paired_comparison
from components.compare.sections.published import published_figures
from components.compare.sections.results import classes, results
from components.compare.sections.trainings import (
    architectures,
    checkpoints,
    environment,
    parameters,
    training,
)
from components.compare.text import visible

KUBEFLOW_SHOWS = 400_000
"""Characters of Markdown that Kubeflow's viewer shows; it cuts what is longer."""

_SECTIONS = (
    failed_runs,
    leaderboard,
    learning_rates,
    paired_comparison,
    results,
    where_they_differ,
    cost_beside_quality,
    published_figures,
    training,
    classes,
    data,
    parameters,
    architectures,
    checkpoints,
    environment,
)


def document(comparison: ComparisonFacts) -> Document:
    """Draws the report from the facts, before it is Markdown or HTML."""
    sections = (draw(comparison) for draw in _SECTIONS)
    return Document(
        task=first_run(comparison.models[0]).tokens.data.task_name.upper(),
        table=experiment_table(comparison),
        table_note=_table_note(comparison),
        outcome=comparison.outcome,
        how=(_how_measured(comparison),),
        advice=comparison.advice,
        warnings=comparison.warnings,
        sections=tuple(section for section in sections if section),
    )


def experiment_table(comparison: ComparisonFacts) -> Table:
    """Draws the table that the report opens with."""
    rows = tuple(
        (
            row.task_classification,
            str(row.global_step),
            _accuracy(row),
            f"{row.eval_loss:.4f}",
            f"{row.loss:.4f}",
            str(row.samples),
        )
        for row in comparison.table
    )
    return Table(name="Results of the experiment", header=TABLE_HEADER, rows=rows)


def _accuracy(row: TableRow) -> Line:
    accuracy = f"{row.eval_accuracy:.4f}"
    return (f"{accuracy} ", Strong("FAILED")) if row.failed else accuracy


def _table_note(comparison: ComparisonFacts) -> str:
    if not several_runs(comparison):
        return ""
    counts = ", ".join(f"{model.name} {len(model.runs)}" for model in comparison.models)
    return f"Means over the runs of each model, which differ in their seed: {counts}."


def _how_measured(comparison: ComparisonFacts) -> str:
    split = comparison.measured_on
    rows = first_run(comparison.models[0]).metrics[split].rows
    said = [f"Measured on {split} ({rows:,} rows); checkpoints were chosen on dev."]
    if split == "dev":
        said.append(
            "The evaluations hold no test metrics: dev decides both times, so these figures "
            "flatter every model."
        )
    if several_runs(comparison):
        said.append("Where a model has several runs, they differ in nothing but the seed.")
    else:
        said.append(
            "The tests and the intervals speak of these trained models; another seed may differ."
        )
    return " ".join(said)


def render_markdown(comparison: ComparisonFacts, pictures: Mapping[str, str]) -> str:
    """Writes the report as GitHub-flavoured Markdown.

    Args:
        comparison: What the comparison found.
        pictures: Address of each picture by its name: a file beside the report, or a data URI. A
            picture without an address is left out.
    """
    report = document(comparison)
    parts = [
        write_block(report.table, pictures),
        report.table_note and write_text(report.table_note),
    ]
    parts += [write_text(line) for line in (Strong(report.outcome), *report.how)]
    if report.advice:
        parts.append("What to try:\n\n" + write_block(Bullets(report.advice), pictures))
    parts += [write_text((Strong("Warning:"), f" {warning}")) for warning in report.warnings]
    parts += [write_section(section, pictures) for section in report.sections]
    return "\n\n".join(part for part in parts if part) + "\n"


def render_portable(comparison: ComparisonFacts, pictures: Mapping[str, bytes]) -> str:
    """Writes the report as one Markdown text that carries its pictures along, for Kubeflow.

    Pictures that would make it longer than Kubeflow shows are left out.

    Args:
        comparison: What the comparison found.
        pictures: The PNGs of the report by name.
    """
    # Imported here: what draws loads slowly, and a report without pictures needs none of it.
    from components.compare.pictures import data_uri

    room = KUBEFLOW_SHOWS - len(render_markdown(comparison, dict.fromkeys(pictures, "")))
    carried = {}
    for name, picture in sorted(pictures.items(), key=lambda item: len(item[1])):
        address = data_uri(picture)
        if (room := room - len(address)) >= 0:
            carried[name] = address
    return render_markdown(comparison, carried)


def plain_summary(comparison: ComparisonFacts) -> str:
    """Writes the table and, as plain text, the outcome: for a terminal."""
    failed = (
        f"{model.name}, seed {run.seed}, FAILED: {failure.why}"
        for model, run, failure in failures(comparison)
    )
    warnings = (f"Warning: {warning}" for warning in comparison.warnings)
    lines = (comparison.outcome, *failed, *comparison.advice, *warnings)
    table = write_block(experiment_table(comparison), {})
    return "\n".join((table, "", *map(visible, lines)))
