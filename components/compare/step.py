"""The compare step: finished evaluations become a report that can be trusted."""

import base64
from collections.abc import Sequence
from pathlib import Path

from components.artifacts.folder import new_folder, open_folder, read_json, write_json
from components.compare.facts import KIND, REPORT, ComparisonFacts
from components.compare.inputs import read_comparable
from components.compare.pictures import loss_curves_png
from components.compare.report import render_markdown
from components.compare.verdict import judge

FACTS = "comparison.json"
PICTURE = "loss_curves.png"


def compare(evaluations: Sequence[Path], comparison: Path) -> ComparisonFacts:
    """Compares evaluations of one task's data and writes the comparison folder.

    Args:
        evaluations: Evaluation folders, at least two, in the order of the report's rows.
        comparison: Folder to write `comparison.md`, `loss_curves.png` and `comparison.json` to.

    Raises:
        InputError: The evaluations are not whole or cannot be compared, or the folder cannot be
            written.
    """
    facts = judge(read_comparable(evaluations))
    with new_folder(comparison, KIND) as folder:
        write_json(folder / FACTS, facts)
        (folder / PICTURE).write_bytes(loss_curves_png(facts))
        (folder / REPORT).write_text(render_markdown(facts, PICTURE), encoding="utf-8")
    return facts


def self_contained_markdown(comparison: Path) -> str:
    """Returns the report of a comparison folder as one text that carries its picture along.

    Raises:
        InputError: It is not a whole comparison folder.
    """
    facts = read_comparison(comparison)
    picture = base64.b64encode((comparison / PICTURE).read_bytes()).decode("ascii")
    return render_markdown(facts, f"data:image/png;base64,{picture}")


def read_comparison(comparison: Path) -> ComparisonFacts:
    """Returns what a comparison folder holds.

    Raises:
        InputError: It is not a whole comparison folder.
    """
    return read_json(open_folder(comparison, KIND) / FACTS, ComparisonFacts)
