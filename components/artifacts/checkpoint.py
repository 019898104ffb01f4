"""A checkpoint of a training: what it takes to go on from a step as if it had never stopped.

`history.json` says which training it is of, and what that came to so far. `weights.safetensors`,
`first_moments.safetensors` and `second_moments.safetensors` name float32 arrays by Keras variable
path; `random.safetensors` holds the states of the random generators. `best.safetensors` holds the
weights that did best on dev, where those are not the weights of the step. `logs/` holds the
TensorBoard events up to the step. Every array file says which step it is of, so that those of two
checkpoints, where two processes write to one place, are never taken for one.
"""

import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from components.artifacts.facts import CurvePoint, DevPoint
from components.artifacts.folder import FileEntry, NotWhole, entry_of, read_json, write_json
from components.artifacts.model import LOGS

KIND = "checkpoint"
HISTORY = "history.json"
BEST = "best"
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
    """Writes a training's arrays, one file after the other: each is copied once in memory.

    What a manifest says of each is added to `known`. The disk is not waited for, which takes
    seconds: after a loss of power the checkpoint before is there.
    """
    for name in State.__slots__:
        path = _save(folder, name, getattr(state, name), step)
        known[path.name] = entry_of(path)


def write_facts(folder: Path, facts: CheckpointFacts, best: Arrays | None, logs: Path) -> None:
    """Writes the rest: the facts, the best weights if they are others, and the events so far."""
    if best is not None:
        _save(folder, BEST, best, facts.history.step)
    shutil.copytree(logs, folder / LOGS)
    write_json(folder / HISTORY, facts)


def _save(folder: Path, name: str, arrays: Arrays, step: int) -> Path:
    path = folder / f"{name}.safetensors"
    save_file(dict(arrays), path, metadata={STEP: str(step)})
    return path


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


def read_best(folder: Path, step: int) -> Arrays | None:
    """Reads the weights that did best on dev; None where those are the weights of the step.

    Raises:
        NotWhole: The file is not safetensors, or of another step.
    """
    return _load(folder, BEST, step) if (folder / f"{BEST}.safetensors").exists() else None


def _load(folder: Path, name: str, step: int) -> Arrays:
    path = folder / f"{name}.safetensors"
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
