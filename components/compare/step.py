"""The compare step: finished evaluations become a report that can be trusted."""

from collections.abc import Sequence
from pathlib import Path

from components.artifacts.folder import new_folder, open_folder, read_json, write_json
from components.compare.facts import FACTS, KIND, PAGE, REPORT, ComparisonFacts


def compare(
    evaluations: Sequence[Path], comparison: Path, sources: Sequence[str] = ()
) -> ComparisonFacts:
    """Compares evaluations of one task's data and writes the comparison folder.

    Args:
        evaluations: Evaluation folders, at least two, in the order of the report's rows.
        comparison: Folder to write the report to, as Markdown and as a page, its pictures, and all
            numbers as JSON.
        sources: What the user called each evaluation folder; none given = the paths.

    Raises:
        InputError: The evaluations are not whole or cannot be compared, or the folder cannot be
            written.
    """
    # Here, so that a comparison is read without what makes one: tables, statistics and pictures.
    from components.compare.inputs import read_comparable
    from components.compare.page import render_page
    from components.compare.pictures import draw
    from components.compare.report import render_markdown
    from components.compare.verdict import judge

    facts = judge(read_comparable(evaluations, sources))
    pictures = draw(facts)
    with new_folder(comparison, KIND) as folder:
        write_json(folder / FACTS, facts)
        for name, picture in pictures.items():
            (folder / name).write_bytes(picture)
        (folder / REPORT).write_text(
            render_markdown(facts, {name: name for name in pictures}), encoding="utf-8"
        )
        (folder / PAGE).write_text(render_page(facts, pictures), encoding="utf-8")
    return facts


def self_contained_markdown(comparison: Path) -> str:
    """Returns the report of a comparison folder as one text that carries its pictures along.

    Raises:
        InputError: It is not a whole comparison folder.
    """
    from components.compare.report import render_portable

    facts = read_comparison(comparison)
    pictures = {path.name: path.read_bytes() for path in sorted(comparison.glob("*.png"))}
    return render_portable(facts, pictures)


def read_comparison(comparison: Path) -> ComparisonFacts:
    """Returns what a comparison folder holds.

    Raises:
        InputError: It is not a whole comparison folder.
    """
    return read_json(open_folder(comparison, KIND, needs=(FACTS,)) / FACTS, ComparisonFacts)
