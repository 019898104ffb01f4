"""`python -m benchmarks.speed.growth`: how our training time grows with rows, length and layers.

Each line doubles one of them. Time should grow no faster than the work, which is linear in rows and
layers, and in the length but for attention's part.
"""

import dataclasses
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from benchmarks.speed.checkpoint import with_layers
from benchmarks.speed.machine import description
from benchmarks.speed.measurement import Case, examples_per_second
from benchmarks.speed.peers import OURS, Peer, run_peak, run_peer
from benchmarks.speed.rows import VOCAB_SIZE, lengths
from benchmarks.speed.tables import bullets, markdown_table, printed
from benchmarks.speed.work import training_gflop
from components.encoders.config import EncoderConfig
from components.encoders.sizes import PREFIX, scratch_config
from components.flags import run_command


@dataclass(frozen=True, slots=True, kw_only=True)
class GrowthConfig:
    """What is varied, each alone.

    The others stay at the first of the steps, LCQMC's lengths and the model's own layers.

    Attributes:
        model: The encoder, as `scratch:` names it: FAMILY-SIZE.
        train_backend: What computes.
        precision: Of the products.
        batch_size: Rows of an optimizer step.
        steps: Numbers of optimizer steps that count, after 10 of warm-up.
        lengths: Tokens of every row.
        layers: Numbers of layers.
    """

    model: str = "bert-small"
    train_backend: str = "tensorflow"
    precision: str = "float32"
    batch_size: int = 16
    steps: tuple[int, ...] = (20, 40, 80)
    lengths: tuple[int, ...] = (16, 32, 64, 128, 256)
    layers: tuple[int, ...] = (3, 6, 12)


WARM_UP_STEPS = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """One training: what is varied, its value, the case and the encoder's architecture."""

    varied: str
    value: int
    case: Case
    config: EncoderConfig

    @property
    def gflop(self) -> float:
        """Work of the steps that count."""
        counted = self.case.steps * self.case.batch_size
        drawn = lengths(counted, self.case.seed)
        if self.case.length:
            drawn = np.array([self.case.length])
        return counted * training_gflop(self.config, drawn, first_only=True)


def points(config: GrowthConfig, checkpoints: Path) -> Iterator[Point]:
    """Yields the trainings, those of a varied number together."""
    encoder = PREFIX + config.model
    architecture = scratch_config(encoder, VOCAB_SIZE)
    usual = Case(
        encoder=encoder,
        backend=config.train_backend,
        precision=config.precision,
        compiled=False,
        batch_size=config.batch_size,
        warm_up_steps=WARM_UP_STEPS,
        steps=config.steps[0],
        predict_rows=0,
        predict_batch_size=config.batch_size,
    )
    for steps in config.steps:
        case = dataclasses.replace(usual, steps=steps)
        yield Point(varied="rows", value=steps * config.batch_size, case=case, config=architecture)
    for length in config.lengths:
        case = dataclasses.replace(usual, length=length)
        yield Point(varied="length", value=length, case=case, config=architecture)
    for layers in config.layers:
        case = dataclasses.replace(usual, encoder=str(checkpoints / str(layers)))
        changed = with_layers(architecture, layers)
        yield Point(varied="layers", value=layers, case=case, config=changed)


def write_checkpoints(config: GrowthConfig, folder: Path) -> None:
    """Writes a checkpoint for each number of layers."""
    command = [sys.executable, "-m", "benchmarks.speed.checkpoint", PREFIX + config.model]
    subprocess.run([*command, str(folder), *map(str, config.layers)], check=True)


def seconds_of(point: Point, peer: Peer) -> float:
    """Trains and returns the seconds of the steps that count, each as long as the median one."""
    print(f"{point.varied} {point.value} …", file=sys.stderr, flush=True)
    speed, _ = examples_per_second(point.case, run_peer(peer, point.case), is_padded=False)
    return point.case.steps * point.case.batch_size / speed


def growth_table(found: list[tuple[Point, float]]) -> list[str]:
    """Returns the table of points and their seconds, each beside the line before."""
    rows, before = [], None
    for point, seconds in found:
        cells = [f"{point.varied} {point.value}", f"{seconds:.2f}", f"{point.gflop / seconds:.1f}"]
        if before and before[0].varied == point.varied:
            cells += [f"{seconds / before[1]:.2f}×", f"{point.gflop / before[0].gflop:.2f}×"]
        else:
            cells += ["", ""]
        rows.append(cells)
        before = point, seconds
    header = ["varied", "seconds", "GFLOP/s", "seconds grow", "work grows"]
    return markdown_table(header, rows)


def main(
    config: GrowthConfig,
    output: Annotated[str, typer.Option(help="File to write the table to; empty = none.")] = "",
) -> None:
    """Measures how training time grows with rows, length and layers and prints a table."""
    peer = Peer(kind=OURS, backend=config.train_backend, precision=config.precision)
    with printed(output) as write, tempfile.TemporaryDirectory() as folder:
        write_checkpoints(config, Path(folder))
        hardware = run_peak(config.train_backend).hardware
        found = [(point, seconds_of(point, peer)) for point in points(config, Path(folder))]
        title = f"# Growth of training time: {config.model}, {peer.name}, batch {config.batch_size}"
        lines = [title, "", *bullets(description(hardware)), "", *growth_table(found), ""]
        write("\n".join(lines))


if __name__ == "__main__":
    run_command(main)
