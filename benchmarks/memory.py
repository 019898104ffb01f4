"""Memory of a training, computed beside measured: `python -m benchmarks.memory`.

Measured is what the resident memory of a process gains over three steps at its peak, libraries and
the training of a tiny model counted before. Eight layers of 512, 16 rows of 128 tokens, on the
processor; a GPU's own figure stands in training.json as `peak_accelerator_memory_bytes`.
"""

import argparse
import gc
import os
import subprocess
import sys
from dataclasses import replace
from typing import Any

import msgspec
import numpy as np
from rich.console import Console
from rich.table import Table

from benchmarks.resident import peak_bytes, reset_peak, resident_bytes
from components.encoders.config import EncoderConfig
from components.encoders.quiet import import_keras_quietly
from components.encoders.sizes import scratch_config
from components.train.config import TrainConfig
from components.train.memory import memory_budget

BATCH_SIZE, LENGTH, STEPS = 16, 128, 3
TINY = scratch_config("scratch:bert-tiny", 100)
MEASURED = replace(
    scratch_config("scratch:bert-base", 21_128),
    hidden_size=512,
    embedding_size=512,
    intermediate_size=2048,
    num_attention_heads=8,
    num_hidden_layers=8,
    num_hidden_groups=8,
)


def cases(backend: str) -> list[TrainConfig]:
    """Returns what is measured with a backend."""
    usual = TrainConfig(train_batch_size=BATCH_SIZE, backend=backend)
    changes: tuple[dict[str, Any], ...] = (
        {},
        {"remat": True},
        {"gradient_accumulation_steps": 4},
    )
    return [
        replace(usual, precision=precision, **change)
        for precision in ("float32", "bfloat16")
        for change in changes
    ]


def measure(config: TrainConfig) -> int:
    """Returns the bytes that the process gained at its peak."""
    import_keras_quietly(config.backend)
    from components.train.backends import current_backend

    with current_backend().on_all_devices():
        _train(TINY, config)
        gc.collect()
        reset_peak()
        before = resident_bytes()
        _train(MEASURED, config)
    return peak_bytes() - before


def _train(encoder: EncoderConfig, config: TrainConfig) -> None:
    """Does some steps on random rows."""
    import keras

    from components.encoders.build import build_classifier
    from components.train.backends import Part, current_backend, figures_of
    from components.train.optimizer import Trainable, step_sizes
    from components.train.step import DTYPE_POLICIES

    keras.config.set_dtype_policy(DTYPE_POLICIES[config.precision])
    model = build_classifier(encoder, 2, remat=config.remat)
    keras.config.set_dtype_policy("float32")
    stepper = current_backend().Stepper(model, Trainable.of(model.trainable_variables))
    generator = np.random.default_rng(0)
    parts = config.gradient_accumulation_steps
    shape = (BATCH_SIZE // parts, LENGTH)
    for step in range(STEPS):
        rows = []
        for _ in range(parts):
            inputs = {
                "input_ids": generator.integers(0, encoder.vocab_size, shape).astype("int32"),
                "token_type_ids": np.zeros(shape, "int32"),
                "attention_mask": np.ones(shape, "int32"),
            }
            rows.append(Part(inputs, np.zeros(shape[0], "int32")))
        figures_of(stepper.step(rows, step_sizes(config, step, STEPS)))


def measured_in_a_process(config: TrainConfig) -> int:
    """Measures in a process of its own."""
    case = msgspec.json.encode(config).decode()
    command = [sys.executable, "-m", "benchmarks.memory", "--case", case]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    return int(done.stdout.splitlines()[-1])


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--backends", default="tensorflow,torch,jax", help="commas between them")
    parser.add_argument("--case", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.case:
        print(measure(msgspec.json.decode(arguments.case, type=TrainConfig)))
        return
    table = Table("backend", "precision", "remat", "parts", "computed MB", "measured MB", "ratio")
    for backend in arguments.backends.split(","):
        for config in cases(backend):
            computed = memory_budget(MEASURED, config, LENGTH).total
            measured = measured_in_a_process(config)
            table.add_row(
                backend, config.precision, "yes" if config.remat else "no",
                str(config.gradient_accumulation_steps), f"{computed / 1e6:,.0f}",
                f"{measured / 1e6:,.0f}", f"{computed / measured:.2f}",
            )  # fmt: skip
    Console(width=int(os.environ.get("COLUMNS", "100"))).print(table)


if __name__ == "__main__":
    main()
