"""Progress of a prediction: a bar on a terminal, a plain line now and then in a log."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

SECONDS_BETWEEN_LINES = 5.0

Predicted = Callable[[int], None]


@contextmanager
def predicting(rows: int) -> Iterator[Predicted]:
    """Gives the function that is told how many rows more were predicted."""
    console = Console()
    if not console.is_terminal:
        yield _lines(rows)
        return
    bar = Progress(
        TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(),
        console=console,
    )  # fmt: skip
    with bar:
        task = bar.add_task("predict", total=rows)
        yield lambda count: bar.update(task, advance=count)


def _lines(rows: int) -> Predicted:
    started = told = time.monotonic()
    done = 0

    def predicted(count: int) -> None:
        nonlocal done, told
        done += count
        now = time.monotonic()
        if now - told >= SECONDS_BETWEEN_LINES or done == rows:
            told = now
            speed = done / (now - started)
            left = (rows - done) / speed
            print(
                f"predict: {done}/{rows} rows, {speed:,.0f} a second, {left:.0f} s left", flush=True
            )

    return predicted
