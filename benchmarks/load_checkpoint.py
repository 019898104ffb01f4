"""Time and memory of loading a checkpoint: `python -m benchmarks.load_checkpoint`.

Writes checkpoints of BERT-base's and ALBERT-xxlarge's size with random weights into a temporary
folder and loads each in a process of its own. Memory is what the process gains (peak resident set,
over what it had with the libraries loaded and one small model built), as a ratio of the size of the
weights.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from functools import partial
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table

from benchmarks.resident import peak_bytes, reset_peak, resident_bytes

VOCAB_SIZE = 21128
ENCODERS = ("scratch:bert-base", "scratch:albert-xxlarge")
FORMATS = ("tf1", "hugging_face")


def write(encoder: str, checkpoint_format: str, folder: Path) -> None:
    """Writes a checkpoint with random weights."""
    from components.encoders.build import build_encoder
    from components.encoders.checkpoints.write import write_hugging_face, write_tf1
    from components.encoders.sizes import scratch_config
    from components.encoders.weights import weights_of

    config = scratch_config(encoder, VOCAB_SIZE)
    weights = weights_of(build_encoder(config))
    if checkpoint_format == "tf1":
        write_tf1(folder, config, weights)
    else:
        write_hugging_face(folder, config, weights, ["0", "1"])


def load(folder: Path) -> None:
    """Loads a checkpoint and prints its figures as JSON."""
    from components.encoders.build import build_encoder
    from components.encoders.checkpoints.checkpoint import open_checkpoint
    from components.encoders.checkpoints.restore import restored
    from components.encoders.sizes import scratch_config

    build_encoder(scratch_config("scratch:bert-tiny", 100))
    reset_peak()
    before = resident_bytes()
    started = time.monotonic()
    checkpoint = open_checkpoint(folder)
    model, facts = restored(partial(build_encoder, checkpoint.config), checkpoint)
    seconds = time.monotonic() - started
    weights = 4 * sum(int(np.prod(v.shape)) for v in model.trainable_variables)
    figures = {
        "restored": facts.restored,
        "expected": facts.expected,
        "weights": weights,
        "seconds": seconds,
        "peak": (peak_bytes() - before) / weights,
        "held": (resident_bytes() - before) / weights,
    }
    print(json.dumps(figures))


def main() -> None:
    """Prints a table of all sizes and formats."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", nargs=2, metavar=("ENCODER", "FORMAT"), help=argparse.SUPPRESS)
    parser.add_argument("--load", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("folder", nargs="?", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.write:
        encoder, checkpoint_format = given.write
        return write(encoder, checkpoint_format, given.folder)
    if given.load:
        return load(given.folder)
    table = Table("encoder", "format", "weights", "restored", "seconds", "peak", "held")
    for encoder in ENCODERS:
        for checkpoint_format in FORMATS:
            with tempfile.TemporaryDirectory() as folder:
                _run("--write", encoder, checkpoint_format, folder)
                figures = json.loads(_run("--load", folder).splitlines()[-1])
            table.add_row(
                encoder,
                checkpoint_format,
                f"{figures['weights'] / 1e6:.0f} MB",
                f"{figures['restored']}/{figures['expected']}",
                f"{figures['seconds']:.1f}",
                f"{figures['peak']:.2f}x",
                f"{figures['held']:.2f}x",
            )
    Console().print(table)


def _run(*arguments: str) -> str:
    command = [sys.executable, "-m", "benchmarks.load_checkpoint", *arguments]
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout


if __name__ == "__main__":
    main()
