"""Progress of transfers: a bar on a terminal, a plain line now and then in a log.

Both go to standard error: commands print their results on standard output.
"""

import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.filesize import decimal
from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)  # fmt: skip

SECONDS_BETWEEN_LINES = 10.0
SECONDS_BETWEEN_TENTHS = 1.0  # a line at each tenth, but no ten lines for a small file

Moved = Callable[[int], None]


def say(message: str) -> None:
    """Prints a line of its own."""
    sys.stderr.write(message + "\n")  # in one piece: several threads may speak
    sys.stderr.flush()


@contextmanager
def transferring(title: str, done: int, total: int | None) -> Iterator[Moved]:
    """Gives the function that is told how many bytes went over, by any thread.

    `done` and `total` are of all files that go at once; `total` may be unknown.
    """
    console = Console(stderr=True)
    if not console.is_terminal:
        yield _Lines(title, done, total).moved
        return
    bar = Progress(
        TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn(),
        TimeRemainingColumn(), console=console, transient=True,
    )  # fmt: skip
    with bar:
        task = bar.add_task(title, total=total, completed=done)
        yield lambda count: bar.update(task, advance=count)


class _Lines:
    def __init__(self, title: str, done: int, total: int | None) -> None:
        self._title, self._total = title, total
        self._done = done
        self._told, self._told_at = done, time.monotonic()
        self._lock = threading.Lock()

    def moved(self, count: int) -> None:
        with self._lock:
            self._done += count
            waited = time.monotonic() - self._told_at
            tenth = self._total is not None and self._done - self._told >= self._total / 10
            if waited < SECONDS_BETWEEN_LINES and not (tenth and waited >= SECONDS_BETWEEN_TENTHS):
                return
            speed = max(0, self._done - self._told) / waited
            self._told, self._told_at = self._done, time.monotonic()
            self._tell(speed)

    def _tell(self, speed: float) -> None:
        of_total = (
            "" if not self._total else f" of {decimal(self._total)}, {self._done / self._total:.0%}"
        )
        say(f"{self._title}: {decimal(self._done)}{of_total}, {decimal(int(speed))}/s")
