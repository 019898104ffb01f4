"""Finds the evaluations that a person means by a folder or address."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from components.artifacts.evaluation import KIND as EVALUATION
from components.artifacts.evaluation import METRICS, PREDICTIONS, TEST_RESULTS
from components.artifacts.folder import MANIFEST, read_manifest
from components.artifacts.places import is_local
from components.compare.facts import FACTS, KIND
from components.compare.step import read_comparison
from components.errors import InputError
from components.storage import fetch, local_path
from components.storage.credentials import recordable


def find_evaluations(places: Sequence[str]) -> list[Path]:
    """Returns the evaluation folders at these places, each once, in their order.

    Args:
        places: Paths or addresses, each of an evaluation folder, of a comparison folder (its
            evaluations are meant), or of a folder with evaluations anywhere below it.

    Raises:
        InputError: One does not exist, or there is no evaluation.
    """
    found: dict[bytes, Path] = {}
    for place in places:
        for folder in _evaluations_at(place):
            # A step that was reused may lie in several runs: the manifest tells its content.
            found.setdefault((folder / MANIFEST).read_bytes(), folder)
    return list(found.values())


def _evaluations_at(place: str) -> list[Path]:
    root = local_path(place) if is_local(place) else fetch(place, _is_wanted).path
    if not root.is_dir():
        raise InputError(f"no folder at {recordable(place)}: it does not exist or is not a folder")
    kind = _kind(root)
    if kind == KIND:
        return list(_of_comparison(root))
    below = sorted(root.rglob(MANIFEST)) if kind != EVALUATION else [root / MANIFEST]
    found = [path.parent for path in below if _kind(path.parent) == EVALUATION]
    if not found:
        raise InputError(
            f"{recordable(place)} is no evaluation folder and holds none: name a folder that "
            "`bakeoff run` or `python -m components.evaluate` wrote"
        )
    return found


def _is_wanted(name: str) -> bool:
    """Keeps weights and tokens of a whole run from being fetched."""
    return name.rsplit("/", 1)[-1] in (MANIFEST, FACTS, METRICS, PREDICTIONS, TEST_RESULTS)


def _kind(folder: Path) -> str:
    """Returns the kind of artifact that a folder is; empty for none."""
    return read_manifest(folder).kind if (folder / MANIFEST).is_file() else ""


def _of_comparison(folder: Path) -> Iterator[Path]:
    facts = read_comparison(folder)
    for run in (run for model in facts.models for run in model.runs):
        if not Path(run.source).is_dir():
            raise InputError(
                f"{folder} was made of {run.source}, which is not there: name its evaluation "
                "folders, where they lie now"
            )
        yield Path(run.source)
