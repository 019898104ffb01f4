"""The benchmark of batches as its command runs it."""

from collections.abc import Callable
from typing import Any

import pytest


@pytest.mark.slow
def test_it_tells_what_batches_cost(run_module: Callable[..., Any]) -> None:
    done = run_module("benchmarks.batches", "--sizes", 60_000)
    assert done.returncode == 0, done.stderr
    (row,) = (line for line in done.stdout.splitlines() if "60,000" in line)
    _, *figures = (float(cell.strip().replace(",", "")) for cell in row.strip("│").split("│"))
    assert len(figures) == 5
    assert all(milliseconds > 0 for milliseconds in figures[2:])
