"""Memory and time of tokenize and evaluate as rows grow: `python -m benchmarks.many_rows`.

20 thousand, 200 thousand and 2 million generated pairs of LCQMC's lengths, each step a process of
its own, as a container runs it. Memory is the process's peak less that of the same step on
200 pairs: what the libraries, the model and the vocabulary take. The model is a BERT of two layers;
what evaluate holds does not depend on it. Some twenty minutes, and 1 GB of disk.
"""

import argparse
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
from rich.console import Console
from rich.table import Table

from benchmarks.tokenization import SEED, chinese
from components.train.machine import hardware

FEW = 200
SIZES = (20_000, 200_000, 2_000_000)
AT_ONCE = 100_000
LAUNCHER = """
import os, subprocess, sys
process = subprocess.Popen(sys.argv[1:], stdout=subprocess.DEVNULL)
_, status, usage = os.wait4(process.pid, 0)
print(usage.ru_maxrss)
sys.exit(os.waitstatus_to_exitcode(status))
"""
"""Prints the peak in KiB. Linux counts in what the process held that began another one: this one
holds little."""
ENCODER = "scratch:bert-tiny"


class Cost(NamedTuple):
    """What a process took."""

    seconds: float
    peak_bytes: int


def write_pairs(path: Path, rows: int) -> Path:
    """Writes a TSV of pairs with random labels."""
    generator = np.random.default_rng(SEED)
    with path.open("w", encoding="utf-8") as file:
        for start in range(0, rows, AT_ONCE):
            texts = chinese(generator, min(AT_ONCE, rows - start))
            labels = generator.integers(0, 2, len(texts[0])).tolist()
            file.writelines(f"{a}\t{b}\t{y}\n" for a, b, y in zip(*texts, labels, strict=True))
    return path


def run(step: str, *arguments: str | Path) -> Cost:
    """Runs a step and returns what it took."""
    command = [sys.executable, "-m", f"components.{step}", *map(str, arguments)]
    started = time.monotonic()
    launched = subprocess.run(
        [sys.executable, "-c", LAUNCHER, *command], stdout=subprocess.PIPE, text=True, check=True
    )
    return Cost(time.monotonic() - started, int(launched.stdout) * 1024)


def tokenize(folder: Path, train: Path, dev: Path, vocab: Path | None) -> Cost:
    """Tokenizes into `tokens`; without a vocabulary one is trained."""
    files = ("--task", "lcqmc", "--train-data", train, "--dev-data", dev)
    named = ("--vocab-file", vocab) if vocab else ()
    return run("tokenize", *files, *named, "--tokens", folder / "tokens")


def costs(folder: Path, few: Path, rows: int) -> Iterator[Cost]:
    """Yields what tokenizing the rows, as train and as dev, and evaluating them takes."""
    pairs = write_pairs(folder / "pairs.tsv", rows)
    yield tokenize(folder, pairs, few, None)
    yield tokenize(folder, few, pairs, folder / "vocabulary" / "vocab.txt")
    places = ("--tokens", folder / "tokens", "--model", folder / "model")
    yield run("evaluate", *places, "--evaluation", folder / "evaluation")


def main() -> None:
    """Measures each size and prints the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", type=int, nargs="+", default=SIZES)
    sizes = parser.parse_args().sizes
    table = Table(title=str(hardware()["processor"]))
    for column in ("rows", "step", "s", "rows a second", "MB above the libraries", "bytes a row"):
        table.add_column(column, justify="left" if column == "step" else "right")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        few, enough = (write_pairs(folder / f"{n}.tsv", n) for n in (FEW, SIZES[0]))
        tokenize(folder, enough, few, None)
        (folder / "tokens").rename(folder / "vocabulary")
        tokenize(folder, few, few, folder / "vocabulary" / "vocab.txt")
        places = ("--tokens", folder / "tokens", "--model", folder / "model")
        run("train", *places, "--encoder", ENCODER, "--num-train-epochs", "1")
        before = list(costs(folder, few, FEW))
        for rows in sizes:
            steps = zip(STEPS, before, costs(folder, few, rows), strict=True)
            for step, least, cost in steps:
                added = cost.peak_bytes - least.peak_bytes
                table.add_row(
                    f"{rows:,}", step, f"{cost.seconds:.1f}", f"{rows / cost.seconds:,.0f}",
                    f"{added / 1e6:,.0f}", f"{added / rows:,.0f}",
                )  # fmt: skip
    Console().print(table)


STEPS = ("tokenize, as train rows", "tokenize, as dev rows", "evaluate")

if __name__ == "__main__":
    main()
