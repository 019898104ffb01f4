"""Runs that finished here: the same run again is known without asking KFP for any of its steps.

KFP would find all of them in its cache, but its import, the compilation and, for a leaderboard, the
processes take seconds. So a record, beside that cache, says which entries a run stands on; it
counts only as long as all of them are there and whole. Whatever the pipelines are made from is part
of its key: all that KFP makes the keys of its entries from follows from it.
"""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO

from components.artifacts.file import new_file
from components.artifacts.folder import read_json, write_json
from components.errors import InputError
from pipelines.cache import has_entries, holds
from pipelines.code import pipelines_digest
from pipelines.step_log import REUSED_NOTE

FOLDER = "finished"


@dataclass(frozen=True, slots=True, kw_only=True)
class FinishedRun:
    """A run that finished.

    Attributes:
        comparison: Path of the comparison folder.
        entries: Keys of KFP's cache that hold its steps.
        steps: What was shown of each step, in that order.
    """

    comparison: str
    entries: list[str]
    steps: list[str]

    def tell(self, shown: TextIO) -> None:
        """Shows that every step was reused."""
        for step in self.steps:
            print(f"{step}{REUSED_NOTE}", file=shown, flush=True)


def run_key(pipeline: str, image: str, arguments: dict[str, Any]) -> str:
    """Returns the key of a run.

    Args:
        pipeline: Name of the pipeline.
        image: Name of the image of its steps, which for those of this machine has the digest of
            their code; the cache is one image's alone where a name could mean another one.
        arguments: Those of the pipeline, with the digests of all that they name.
    """
    parts = (pipeline, image, pipelines_digest(), arguments)
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def recall(cache: Path, key: str) -> FinishedRun | None:
    """Returns the run of that key if it finished and all that it made is whole."""
    path = _path(cache, key)
    if not path.is_file():
        return None
    try:
        finished = read_json(path, FinishedRun)
    except InputError:  # of another version
        return None
    return finished if holds(cache, finished.entries) else None


def remember(cache: Path, key: str, run: FinishedRun) -> None:
    """Keeps a run that finished, unless one of its steps found no place in the cache."""
    if has_entries(cache, run.entries):
        with new_file(_path(cache, key)) as partial:
            write_json(partial, run)


def _path(cache: Path, key: str) -> Path:
    return cache / FOLDER / f"{key}.json"
