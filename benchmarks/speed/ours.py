"""Our own train and evaluate: their commands on generated rows, each in a process of its own.

The figures are read from what the commands leave behind. When each step ended stands in the
TensorBoard log.
"""

import dataclasses
import itertools
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
from tensorboard.compat.proto.event_pb2 import Event
from tensorboard.compat.tensorflow_stub.errors import OutOfRangeError
from tensorboard.compat.tensorflow_stub.pywrap_tensorflow import PyRecordReader_New

from benchmarks.speed.measurement import (
    Case,
    Measurement,
    Prediction,
    Training,
    answer,
    measurement_of,
    training_of,
)
from benchmarks.speed.rows import TRIED_ORDERS, Array, draw, most_typical
from benchmarks.speed.tokens_folder import write_rows
from components.artifacts.evaluation import read_evaluation
from components.artifacts.facts import TrainingFacts
from components.artifacts.model import LOGS, read_model
from components.train.batches import batch_order
from components.train.config import NO_CHECKPOINTS

DEV_ROWS = 16
"""Rows that the training measures at its end; its speed leaves that out."""


def run(module: str, backend: str, flags: Mapping[str, object]) -> None:
    """Runs a step's command on a backend.

    Raises:
        SystemExit: It failed; its own message was printed.
    """
    texts = (f"--{name.replace('_', '-')}={value}" for name, value in flags.items())
    done = subprocess.run(
        [sys.executable, "-m", module, *texts],
        env=os.environ | {"KERAS_BACKEND": backend},
        stdout=subprocess.DEVNULL,
        check=False,
    )
    if done.returncode:
        raise SystemExit(done.returncode)


def events_in(path: Path) -> Iterator[Event]:
    """Yields the events of a TensorBoard file; its usual loader would import TensorFlow."""
    reader = PyRecordReader_New(str(path))
    while True:
        try:
            reader.GetNext()
        except OutOfRangeError:
            return
        yield Event.FromString(reader.record())


def step_ends(logs: Path) -> dict[int, float]:
    """Returns when the steps ended whose loss the log holds, by the step's number from 1."""
    return {
        event.step: event.wall_time
        for path in sorted(logs.iterdir())
        for event in events_in(path)
        if any(value.tag == "train/loss" for value in event.summary.value)
    }


def typical_seed(lengths: Array, case: Case) -> int:
    """Returns a seed whose order has steps that count like all others."""
    seeds = range(case.seed, case.seed + TRIED_ORDERS)
    epochs = (
        np.stack(list(itertools.islice(batch_order(lengths, case.batch_size, seed), case.batches)))
        for seed in seeds
    )
    return seeds[most_typical(lengths, epochs, case.counted)]


def step_tokens(lengths: Array, facts: TrainingFacts) -> dict[int, float]:
    """Returns the tokens of each step's rows, in the order that the training took them.

    Raises:
        ValueError: That order was another one.
    """
    order = batch_order(lengths, facts.config["train_batch_size"], facts.config["seed"])
    batches = itertools.islice(order, facts.global_step)
    tokens = {step: float(lengths[chosen].sum()) for step, chosen in enumerate(batches, start=1)}
    if sum(tokens.values()) != facts.real_tokens:
        raise ValueError("the training took other rows than `batch_order` says")
    return tokens


def train(case: Case, folder: Path) -> Training:
    """Does the first steps of an epoch; the model lies in the folder's `model`."""
    rows = draw(case.rows, case.seed, case.length)
    lengths = np.array([len(row) for row in rows])
    dev = draw(DEV_ROWS, case.seed + 1, case.length)
    write_rows(folder / "tokens", {"train": rows, "dev": dev})
    flags = {
        "tokens": folder / "tokens",
        "model": folder / "model",
        "encoder": case.encoder,
        "train_batch_size": case.batch_size,
        "precision": case.precision,
        "num_train_epochs": (case.all_steps + 0.5) / case.batches,  # rounded down to whole steps
        "save_checkpoints_steps": 0,
        "checkpoint_uri": NO_CHECKPOINTS,
        "seed": typical_seed(lengths, case),
    }
    began = time.time()
    run("components.train", case.backend, flags)
    facts = read_model(folder / "model").training
    training = training_of(
        dataclasses.replace(case, began=began),
        step_ends(folder / "model" / LOGS),
        step_tokens(lengths, facts),
        facts.computed_tokens / facts.real_tokens,
    )
    return dataclasses.replace(training, peak_memory_bytes=facts.peak_memory_bytes)


def predict(case: Case, folder: Path) -> Prediction:
    """Evaluates the model; dev, of the same lengths as test, comes first and warms it up."""
    splits = {
        name: draw(case.predict_rows, case.seed + number)
        for number, name in enumerate(("train", "dev", "test"))
    }
    write_rows(folder / "evaluated", splits)
    flags = {
        "tokens": folder / "evaluated",
        "model": folder / "model",
        "evaluation": folder / "evaluation",
        "predict_batch_size": case.predict_batch_size,
    }
    run("components.evaluate", case.backend, flags)
    metrics = read_evaluation(folder / "evaluation").facts.metrics["test"]
    return Prediction(precision="float32", rows_per_second=metrics.examples_per_second)


def measure(case: Case) -> Measurement:
    """Trains and evaluates in a temporary folder."""
    with tempfile.TemporaryDirectory() as name:
        training = train(case, Path(name))
        predictions = [predict(case, Path(name))] if case.predict_rows else []
    return measurement_of(case, training, predictions)


if __name__ == "__main__":
    answer(measure)
