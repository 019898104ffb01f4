"""Progress of long work: a bar on a terminal, a plain line now and then in a log."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from components.progress import SECONDS_BETWEEN_LINES


class Reporter(Protocol):
    """Takes the state of the work as it goes on."""

    def step(self, done: int, loss: float, examples_per_second: float) -> None:
        """Tells that `done` steps are done, the mean loss of late and the speed."""

    def say(self, message: str) -> None:
        """Prints a line of its own."""


@contextmanager
def progress(title: str, total_steps: int, done: int = 0) -> Iterator[Reporter]:
    """Gives the reporter that fits where the output goes; `done` steps were done before."""
    console = Console()
    if not console.is_terminal:
        yield _Lines(title, total_steps, done)
        return
    bar = Progress(
        TextColumn("{task.description}"), BarColumn(), TextColumn("{task.completed}/{task.total}"),
        TextColumn("loss {task.fields[loss]:.4f}"), TextColumn("{task.fields[speed]:,.0f} ex/s"),
        TimeElapsedColumn(), TextColumn("left"), TimeRemainingColumn(), console=console,
    )  # fmt: skip
    with bar:
        yield _Bar(bar, title, total_steps, done)


class _Bar:
    def __init__(self, bar: Progress, title: str, total_steps: int, done: int) -> None:
        self._bar = bar
        self._task = bar.add_task(
            title, total=total_steps, completed=done, loss=float("nan"), speed=0.0
        )

    def step(self, done: int, loss: float, examples_per_second: float) -> None:
        self._bar.update(self._task, completed=done, loss=loss, speed=examples_per_second)

    def say(self, message: str) -> None:
        self._bar.console.print(message, highlight=False)


class _Lines:
    def __init__(self, title: str, total_steps: int, done: int) -> None:
        self._title, self._total, self._before = title, total_steps, done
        self._started = self._last = time.monotonic()

    def step(self, done: int, loss: float, examples_per_second: float) -> None:
        now = time.monotonic()
        if now - self._last < SECONDS_BETWEEN_LINES and done < self._total:
            return
        self._last = now
        left = (now - self._started) / (done - self._before) * (self._total - done)
        self.say(
            f"{self._title}: step {done}/{self._total} loss {loss:.4f} "
            f"{examples_per_second:,.0f} examples/s {left:.0f} s left"
        )

    def say(self, message: str) -> None:
        print(message, flush=True)
