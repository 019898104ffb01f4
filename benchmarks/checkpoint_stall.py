"""What saving a training costs: `python -m benchmarks.checkpoint_stall`.

A training on generated rows of LCQMC's lengths measures dev twice in a row, without saving and with
it, and the difference of the two times is what a checkpoint makes training wait. The medians of
`SAVES` such pairs; some three minutes with the defaults.
"""

import argparse
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks.speed.rows import draw
from benchmarks.speed.tokens_folder import write_rows
from components.encoders.quiet import import_keras_quietly
from components.train.checkpoint_place import CheckpointPlace
from components.train.config import TrainConfig

EVERY, SAVES = 8, 9


def main() -> None:
    """Trains and prints the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--encoder", default="scratch:bert-base")
    parser.add_argument("--backend", default="torch")
    parser.add_argument("--dev-rows", type=int, default=256)
    parser.add_argument("--checkpoint-uri", help="default: a temporary folder of this machine")
    given = parser.parse_args()
    import_keras_quietly(given.backend)
    from components.train import loop
    from components.train.step import train

    usual, seconds = loop._measure, {False: list[float](), True: list[float]()}

    def measure_twice(
        training: Any, stopping: Any, checkpoints: Any, reporter: Any, log: Any
    ) -> None:
        for saving in seconds:
            started = time.monotonic()
            usual(training, stopping, checkpoints if saving else None, reporter, log)
            seconds[saving].append(time.monotonic() - started)

    loop._measure = measure_twice
    config = TrainConfig(
        num_train_epochs=1.0, save_checkpoints_steps=EVERY, precision="bfloat16",
        backend=given.backend,
    )  # fmt: skip
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        rows = {"train": draw(EVERY * SAVES * config.train_batch_size, 1)}
        write_rows(folder / "tokens", rows | {"dev": draw(given.dev_rows, 2)})
        place = CheckpointPlace(uri=given.checkpoint_uri or str(folder / "checkpoints"))
        facts = train(
            folder / "tokens", folder / "model", given.encoder, config, checkpoint_place=place
        )
    without, saved = (statistics.median(seconds[saving]) for saving in (False, True))
    step = 1 / facts.steady_examples_per_second * config.train_batch_size
    table = Table(title=f"{given.encoder}, {given.backend}, {facts.hardware['processor']}")
    for column in ("s a step", "s to measure", "and save", "waiting", "of 100 steps"):
        table.add_column(column, justify="right")
    table.add_row(
        f"{step:.2f}", f"{without:.2f}", f"{saved:.2f}", f"{saved - without:.2f}",
        f"{(saved - without) / (100 * step):.1%}",
    )  # fmt: skip
    Console().print(table)
    print("pairs:", *(f"{a:.2f}/{b:.2f}" for a, b in zip(*seconds.values(), strict=True)))


if __name__ == "__main__":
    main()
