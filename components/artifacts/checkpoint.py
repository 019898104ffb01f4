"""A checkpoint of a training: what it takes to go on from a step as if it had never stopped.

`history.json` says which training it is of, and what that came to so far. `weights.safetensors`,
`first_moments.safetensors` and `second_moments.safetensors` name float32 arrays by Keras variable
path; `random.safetensors` holds the states of the random generators. `best.safetensors` holds the
weights that did best on dev, where those are not the weights of the step. `logs/` holds the
TensorBoard events up to the step. Every array file says which step its arrays are of, so that those
of two checkpoints, where two processes write to one place, are never taken for one.
"""

import os
import shutil
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from components.artifacts.facts import CurvePoint, DevPoint
from components.artifacts.folder import (
    MANIFEST,
    FileEntry,
    NotWhole,
    entry_of,
    read_json,
    read_manifest,
    write_json,
)
from components.artifacts.model import LOGS
from components.errors import InputError

KIND = "checkpoint"
HISTORY = "history.json"
WEIGHTS, BEST = "weights", "best"
STEP = "step"  # in an array file's metadata

Arrays = Mapping[str, np.ndarray[Any, Any]]


@dataclass(frozen=True, slots=True)
class State:
    """The arrays of a training at a step; each is a safetensors file of its name.

    Attributes:
        weights: The model's trainable variables by path.
        first_moments: The optimizer's first moments, by the path of what they move.
        second_moments: Its second moments, likewise.
        random: States of the random generators, by names of the backend's own.
    """

    weights: Arrays
    first_moments: Arrays
    second_moments: Arrays
    random: Arrays


def _file_of(name: str) -> str:
    return f"{name}.safetensors"


FILES = {MANIFEST, HISTORY, *map(_file_of, (*State.__slots__, BEST))}
"""What a checkpoint holds, beside its logs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """What a training came to by a step.

    Attributes:
        step: Optimizer steps done; it also says which rows come next.
        curve: Training loss so far.
        dev_curve: Measurements on dev so far.
        since_mark: Figures of the steps since the last point of `curve`.
        best: The measurement whose weights are kept.
        measured_since_best: Measurements since that one.
        real_tokens: Tokens trained on, padding not counted.
        computed_tokens: The same with padding.
        seconds: Wall time of all processes that worked on it.
        train_seconds: Wall time of the optimizer steps.
        dev_seconds: Wall time of the measurements.
        warm_up_steps: First steps of a process, which are slower, of all processes together.
        warm_up_seconds: Wall time of those.
        resumed_at: Steps that a process took it up at.
    """

    step: int
    curve: tuple[CurvePoint, ...]
    dev_curve: tuple[DevPoint, ...]
    since_mark: tuple[tuple[float, float, float], ...]
    best: DevPoint | None
    measured_since_best: int
    real_tokens: int
    computed_tokens: int
    seconds: float
    train_seconds: float
    dev_seconds: float
    warm_up_steps: int
    warm_up_seconds: float
    resumed_at: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckpointFacts:
    """What `history.json` holds.

    Attributes:
        training: Which training it is of: everything that decides of its result, by name.
        versions: Versions of Python and of the libraries that computed.
        history: What it came to.
    """

    training: dict[str, Any]
    versions: dict[str, str]
    history: History


def write_state(folder: Path, state: State, step: int, known: dict[str, FileEntry]) -> None:
    """Writes a training's arrays, their files at the same time.

    Where dev is measured on the processors meanwhile, that loses less to three writers for a short
    while than to one for longer.

    What a manifest says of each is added to `known`.
    """
    with ThreadPoolExecutor(len(State.__slots__)) as writers:
        saved = [
            writers.submit(_save, folder, name, getattr(state, name), step, known)
            for name in State.__slots__
        ]
    for each in saved:
        each.result()


def write_best(folder: Path, best: Arrays, step: int, known: dict[str, FileEntry]) -> None:
    """Writes the weights that did best on dev, at an earlier step, likewise."""
    _save(folder, BEST, best, step, known)


def link_best(folder: Path, before: Path, step: int, known: dict[str, FileEntry]) -> bool:
    """Takes the best weights of a step from the checkpoint `before`; tells whether it had them.

    The file gets a second name: nothing is copied, and nobody ever writes into one that is whole.
    """
    try:
        facts = read_facts(before).history
        if step not in (facts.step, facts.best.step if facts.best else None):
            return False
        name = _file_of(WEIGHTS if step == facts.step else BEST)
        known[_file_of(BEST)] = read_manifest(before).files[name]
        os.link(before / name, folder / _file_of(BEST))
    except (InputError, OSError):  # it is gone, or the file system gives no second names
        return False
    return True


def write_facts(folder: Path, facts: CheckpointFacts, logs: Path) -> None:
    """Writes the rest: the facts, and the events so far."""
    shutil.copytree(logs, folder / LOGS)
    write_json(folder / HISTORY, facts)


def _save(folder: Path, name: str, arrays: Arrays, step: int, known: dict[str, FileEntry]) -> None:
    path = folder / _file_of(name)
    save_file(dict(arrays), path, metadata={STEP: str(step)})
    known[path.name] = entry_of(path)


def read_facts(folder: Path) -> CheckpointFacts:
    """Reads the facts of a checkpoint.

    Raises:
        NotWhole: They are not there, or not of this version.
        InputError: They cannot be read.
    """
    return read_json(folder / HISTORY, CheckpointFacts)


def read_state(folder: Path, step: int) -> State:
    """Reads a training's arrays at a step.

    Raises:
        NotWhole: A file is not safetensors, or of another step.
    """
    return State(**{name: _load(folder, name, step) for name in State.__slots__})


def read_best(folder: Path, step: int) -> Arrays:
    """Reads the weights that did best on dev, at an earlier step.

    Raises:
        NotWhole: The file is not safetensors, or of another step.
    """
    return _load(folder, BEST, step)


def _load(folder: Path, name: str, step: int) -> Arrays:
    path = folder / _file_of(name)
    try:
        with safe_open(path, framework="numpy") as file:
            of_step = (file.metadata() or {}).get(STEP)
            arrays: Arrays = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
    except (OSError, SafetensorError) as error:
        raise NotWhole(f"{path} cannot be read as safetensors: {error}") from None
    if of_step != str(step):
        raise NotWhole(
            f"{path} is of step {of_step}, expected {step}: another process writes to the same "
            "place; let one at a time, or name another checkpoint_uri"
        )
    return arrays
