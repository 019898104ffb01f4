"""Progress over rows: a bar on a terminal, a plain line now and then in a log."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

SECONDS_BETWEEN_LINES = 5.0

Counted = Callable[[int], None]


@contextmanager
def counting(title: str, rows: int) -> Iterator[Counted]:
    """Gives the function that is told how many rows more are done."""
    console = Console()
    if not console.is_terminal:
        yield _lines(title, rows)
        return
    bar = Progress(
        TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(),
        console=console,
    )  # fmt: skip
    with bar:
        task = bar.add_task(title, total=rows)
        yield lambda count: bar.update(task, advance=count)


def _lines(title: str, rows: int) -> Counted:
    started = told = time.monotonic()
    done = 0

    def counted(count: int) -> None:
        nonlocal done, told
        done += count
        now = time.monotonic()
        if now - told >= SECONDS_BETWEEN_LINES or done == rows:
            told = now
            speed = done / (now - started)
            left = f", {(rows - done) / speed:.0f} s left" if done < rows else ""
            print(f"{title}: {done}/{rows} rows, {speed:,.0f} a second{left}", flush=True)

    return counted
