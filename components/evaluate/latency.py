"""How long a model takes to predict one row alone."""

import time
from dataclasses import dataclass

import numpy as np

from components.encoders.forward import Forward
from components.encoders.rows import Rows, padded_length

MOST_ROWS, FEWEST_ROWS = 50, 10
LONGEST_SECONDS = 10.0
"""Enough: after `FEWEST_ROWS`, timing ends when this is used up."""
SEED = 42


@dataclass(frozen=True, slots=True, kw_only=True)
class Latency:
    """Milliseconds to predict one row alone; the fields are those of `PredictionCost`."""

    latency_p50_ms: float
    latency_p95_ms: float
    latency_rows: int


def measure_latency(forward: Forward, rows: Rows, max_seq_length: int) -> Latency:
    """Times single rows, drawn with a seed, each after one of its shape was predicted untimed.

    The time is that of the model on ready input: tokenizing is not in it, moving arrays is.
    """
    count = min(len(rows), MOST_ROWS)
    chosen = np.random.default_rng(SEED).choice(len(rows), count, replace=False)
    warm: set[int] = set()
    milliseconds: list[float] = []
    started = time.monotonic()
    for row in chosen:
        inputs = rows.inputs(np.array([row]), max_seq_length)
        if (width := padded_length(int(rows.lengths[row]), max_seq_length)) not in warm:
            forward(inputs)
            warm.add(width)
        begun = time.perf_counter()
        forward(inputs)
        milliseconds.append(1000 * (time.perf_counter() - begun))
        if len(milliseconds) >= FEWEST_ROWS and time.monotonic() - started > LONGEST_SECONDS:
            break
    p50, p95 = (float(p) for p in np.percentile(milliseconds, [50, 95]))
    return Latency(latency_p50_ms=p50, latency_p95_ms=p95, latency_rows=len(milliseconds))
