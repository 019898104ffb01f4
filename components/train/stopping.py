"""Being told to stop: a node that is taken away, `docker stop`, Ctrl-C.

A training then finishes its optimizer step, saves a checkpoint and ends with an exit code of its
own. A second signal kills it, whatever it waits for.
"""

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import TypeVar

STOPPED = 75
"""Exit code of a training that was stopped and can be gone on with: EX_TEMPFAIL of sysexits.h."""

SAID = "train: stopped by "
"""How the line begins that tells of it."""

SIGNALS = (signal.SIGTERM, signal.SIGINT)


T = TypeVar("T")


class _Interrupted(Exception):
    """Ends what changes nothing and can be done again."""


class Stopping:
    """Whether somebody asked for an end.

    Attributes:
        signal_name: The signal that did; empty as long as none came.
    """

    def __init__(self) -> None:
        self.signal_name = ""
        self._interruptible = False

    def __bool__(self) -> bool:
        return bool(self.signal_name)

    def unless_told(self, action: Callable[[], T]) -> T | None:
        """Does what changes nothing, such as a measurement; None if a signal ended it."""
        with suppress(_Interrupted):
            if self:
                return None
            self._interruptible = True
            try:
                return action()
            finally:
                self._interruptible = False
        return None

    def _take(self, number: int) -> None:
        self.signal_name = signal.Signals(number).name
        if self._interruptible:
            raise _Interrupted


@contextmanager
def told_to_stop() -> Iterator[Stopping]:
    """Gives what signals are noted in; the second one does what the operating system does by it."""
    stopping = Stopping()
    if threading.current_thread() is not threading.main_thread():  # signals reach that one alone
        yield stopping
        return
    before = {number: signal.getsignal(number) for number in SIGNALS}

    def note(number: int, frame: object) -> None:
        for known in SIGNALS:
            signal.signal(known, signal.SIG_DFL)
        stopping._take(number)

    for number in SIGNALS:
        signal.signal(number, note)
    try:
        yield stopping
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
