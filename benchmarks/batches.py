"""Can making batches ever be what a training waits for? `python -m benchmarks.batches`.

Reads generated splits of LCQMC's lengths as train does, and makes batches of them: seconds to read,
memory that the tokens take, and milliseconds a batch. Some seconds, and 0.3 GB of disk.
"""

import argparse
import tempfile
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from rich.console import Console
from rich.table import Table

from benchmarks.resident import resident_bytes
from benchmarks.speed.measurement import PADDED_LENGTH
from benchmarks.speed.rows import LABELS, VOCAB_SIZE, lengths
from components.artifacts.tokens import ROWS_OF_A_GROUP, SCHEMA, TRAINED_COLUMNS
from components.encoders.rows import Rows
from components.train.batches import batch_order
from components.train.machine import hardware

SEED = 1
SIZES = (20_000, 200_000, 2_000_000)
BATCH_SIZES = (16, 64, 256)
BATCHES = 200
"""Of which the median is told."""


def write_split(path: Path, rows: int) -> None:
    """Writes the columns of a split that train reads."""
    generator = np.random.default_rng(SEED)
    starts = np.concatenate([[0], np.cumsum(lengths(rows, SEED))])
    flat = {
        "input_ids": generator.integers(1, VOCAB_SIZE, starts[-1], dtype=np.int32),
        "token_type_ids": generator.integers(0, 2, starts[-1], dtype=np.int8),
    }
    columns = {
        name: pa.ListArray.from_arrays(pa.array(starts, pa.int32()), pa.array(values))
        for name, values in flat.items()
    }
    columns["label"] = pa.array(generator.integers(0, len(LABELS), rows, dtype=np.int32))
    schema = pa.schema([SCHEMA.field(name) for name in TRAINED_COLUMNS])
    table = pa.table([columns[name] for name in TRAINED_COLUMNS], schema)
    pq.write_table(table, path, row_group_size=ROWS_OF_A_GROUP)


def milliseconds_of_a_batch(rows: Rows, batch_size: int) -> float:
    """Returns the median time to choose a batch and make a model's inputs of it."""
    batches = batch_order(rows.lengths, batch_size, SEED)
    next(batches)  # orders the rows of an epoch
    seconds = []
    for _ in range(BATCHES):
        started = time.perf_counter()
        chosen = next(batches)
        rows.inputs(chosen, PADDED_LENGTH)
        seconds.append(time.perf_counter() - started)
    return float(np.median(seconds)) * 1e3


def main() -> None:
    """Measures each size and prints the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", type=int, nargs="+", default=SIZES)
    sizes = parser.parse_args().sizes
    table = Table(title=str(hardware()["processor"]))
    columns = ("rows", "s to read", "MB", *(f"ms a batch of {size}" for size in BATCH_SIZES))
    for column in columns:
        table.add_column(column, justify="right")
    with tempfile.TemporaryDirectory() as name:
        for count in sizes:
            path = Path(name) / "train.parquet"
            write_split(path, count)
            before, started = resident_bytes(), time.perf_counter()
            rows = Rows(pq.read_table(path, columns=list(TRAINED_COLUMNS)))
            seconds, added = time.perf_counter() - started, resident_bytes() - before
            of_batches = (f"{milliseconds_of_a_batch(rows, size):.2f}" for size in BATCH_SIZES)
            table.add_row(f"{count:,}", f"{seconds:.2f}", f"{added / 1e6:,.0f}", *of_batches)
    Console().print(table)


if __name__ == "__main__":
    main()
