"""SIGTERM for the process that runs steps: KFP does not hand it on to them.

A terminal sends Ctrl-C to all of them by itself; `kill`, `timeout` and service managers do not.
"""

import os
import signal
import sys
from contextlib import AbstractContextManager, suppress
from pathlib import Path
from typing import NoReturn

from components.errors import TERMINATED, on_sigterm


def sigterm_passed_on() -> AbstractContextManager[None]:
    """Within it SIGTERM reaches the running step first: a training is saved by it."""
    return on_sigterm(_pass_on)


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
