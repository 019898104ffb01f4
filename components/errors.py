"""The one error that a user's mistake raises, and how a process ends on it."""

import difflib
import signal
import sys
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import NoReturn

USER_MISTAKE = 2
"""Exit code of a process that stopped on a mistake its user can mend."""
TERMINATED = 128 + signal.SIGTERM
"""Exit code of a process that `docker stop`, Kubernetes or `kill` ended, as shells give it."""


class InputError(ValueError):
    """A mistake the user can mend: says what came, what was allowed and what to do.

    Commands print it as one line and exit with code 2; it never shows as a traceback.
    """


def did_you_mean(given: str, known: Iterable[str]) -> str:
    """Returns `; did you mean 'NAME'?` for the known name closest to a mistyped one, or nothing."""
    by_lower_case = {name.lower(): name for name in known}
    close = difflib.get_close_matches(given.lower(), by_lower_case, n=1)
    return f"; did you mean {by_lower_case[close[0]]!r}?" if close else ""


def _terminate(signal_number: int, frame: object) -> NoReturn:
    print("stopped by SIGTERM; nothing half-written was kept", file=sys.stderr, flush=True)
    raise SystemExit(TERMINATED)


@contextmanager
def _cleaning_up_on_sigterm() -> Iterator[None]:
    """Lets SIGTERM unwind the stack, so that half-written folders are removed.

    As the first process of a container Python would not even notice the signal without this.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, _terminate)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


@contextmanager
def exit_on_input_error() -> Iterator[None]:
    """Ends the process with the message and exit code 2 when an `InputError` reaches it.

    SIGTERM and Ctrl-C end it with one line too, after half-written files were removed.
    """
    try:
        with _cleaning_up_on_sigterm():
            yield
    except InputError as error:
        print(f"error: {error}", file=sys.stderr, flush=True)
        raise SystemExit(USER_MISTAKE) from None
    except KeyboardInterrupt:
        print("stopped by the user; nothing half-written was kept", file=sys.stderr, flush=True)
        raise SystemExit(130) from None
