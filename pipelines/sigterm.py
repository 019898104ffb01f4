"""SIGTERM for the process that runs steps: KFP does not hand it on to them.

A terminal sends Ctrl-C to all of them by itself; `kill`, `timeout` and service managers do not.
"""

import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NoReturn

from components.errors import TERMINATED


@contextmanager
def sigterm_passed_on() -> Iterator[None]:
    """Within it SIGTERM reaches the running step first: a training is saved by it."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, _pass_on)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _pass_on(number: int, frame: object) -> NoReturn:
    for child in _children():
        with suppress(ProcessLookupError):  # it ended meanwhile
            os.kill(child, signal.SIGTERM)
    print("stopped by SIGTERM; the step was told, too", file=sys.stderr, flush=True)
    raise SystemExit(TERMINATED)


def _children() -> list[int]:
    """Returns the process numbers of our children, where the system tells them as Linux does.

    It tells them for each thread: KFP starts the steps of a loop in threads.
    """
    found: list[int] = []
    for thread in Path("/proc/self/task").glob("*/children"):
        with suppress(OSError):  # it ended meanwhile
            found += map(int, thread.read_text().split())
    return found
