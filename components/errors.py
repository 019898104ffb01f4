"""The one error that a user's mistake raises, and how a process ends on it."""

import difflib
import errno
import os
import re
import signal
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn

USER_MISTAKE = 2
"""Exit code of a process that stopped on a mistake its user can mend."""
ENVIRONMENT = 3
"""Exit code of a process that stopped on what the machine lacks: room, memory, an answer."""
TERMINATED = 128 + signal.SIGTERM
"""Exit code of a process that `docker stop`, Kubernetes or `kill` ended, as shells give it."""


LONGEST_MESSAGE = 1500
"""Characters of an error that are shown."""


class InputError(ValueError):
    """A mistake the user can mend: says what came, what was allowed and what to do.

    Commands print it as one line and exit with its code; it never shows as a traceback.
    """

    exit_code = USER_MISTAKE
    begins = "error: "


class EnvironmentTrouble(InputError):
    """Something that the machine or a server lacks; the same command may do on another day."""

    exit_code = ENVIRONMENT
    begins = "environment error: "


LACKING = {
    errno.ENOSPC: "no room is left on the disk",
    errno.EDQUOT: "the quota of the disk is used up",
    errno.EFBIG: "the file is larger than the disk or a limit allows",
    errno.EROFS: "the disk is read-only",
    errno.EIO: "the disk fails",
    errno.ENOMEM: "memory did not suffice",
    errno.EMFILE: "too many files are open",
}
"""What an operating system reports of a machine, in words."""

MAKE_ROOM = "make room, or name another place to write to; nothing half-written was kept"
REMEDIES = {
    errno.ENOMEM: "run it where there is more memory, or on less at a time",
    errno.EMFILE: "raise the limit of open files (ulimit -n)",
    errno.ENOENT: "make room in one of them, or name another with TMPDIR",
}
"""What to do about it, where it is not a disk that is to blame."""


def lacking(error: BaseException) -> str:
    """Says what the machine lacks by an error of the operating system; empty if that is not it."""
    number = _number(error)
    if number == errno.ENOENT:
        return "no temporary folder can be written"
    return LACKING.get(number, "")


def _number(error: BaseException) -> int:
    """Returns the number of what the machine lacks: ENOENT = a temporary folder, 0 = nothing."""
    if isinstance(error, MemoryError):
        return errno.ENOMEM
    if isinstance(error, OSError) and error.errno in LACKING:
        return error.errno
    text = str(error)
    if isinstance(error, FileNotFoundError):
        return errno.ENOENT if "No usable temporary directory" in text else 0
    # Libraries in Rust tell it as text, "… No space left on device (os error 28)", TensorFlow too.
    if told := re.search(r"\(os error (\d+)\)", text):
        return int(told[1]) if int(told[1]) in LACKING else 0
    return next((number for number in LACKING if os.strerror(number) in text), 0)


def kind_of(error: BaseException) -> type[InputError]:
    """Returns the error to raise for one of the operating system: its kind tells whose fault."""
    return EnvironmentTrouble if lacking(error) else InputError


@contextmanager
def writing(what: str, path: Path) -> Iterator[None]:
    """Says what could not be written, and where, if the disk fails meanwhile.

    Raises:
        EnvironmentTrouble: It failed.
    """
    try:
        yield
    except InputError:
        raise
    except Exception as error:
        where = getattr(error, "filename", None)
        elsewhere = where is not None and not Path(str(where)).is_relative_to(path.parent)
        if elsewhere or not (lack := lacking(error)) or _number(error) in REMEDIES:
            raise
        raise EnvironmentTrouble(
            f"{lack}: {what} could not be written to {path}; {MAKE_ROOM}"
        ) from None


def did_you_mean(given: str, known: Iterable[str]) -> str:
    """Returns `; did you mean 'NAME'?` for the known name closest to a mistyped one, or nothing."""
    by_lower_case = {name.lower(): name for name in known}
    close = difflib.get_close_matches(given.lower(), by_lower_case, n=1)
    return f"; did you mean {by_lower_case[close[0]]!r}?" if close else ""


def _in_one_line(message: str) -> str:
    """Makes what a user's names and values brought along harmless, and cuts what nobody reads."""
    shown = "".join(c if c.isprintable() else ascii(c)[1:-1] for c in message)
    if len(shown) <= LONGEST_MESSAGE:
        return shown
    half = LONGEST_MESSAGE // 2
    return f"{shown[:half]} … {shown[-half:]}"


def _terminate(signal_number: int, frame: object) -> NoReturn:
    print("stopped by SIGTERM; nothing half-written was kept", file=sys.stderr, flush=True)
    raise SystemExit(TERMINATED)


@contextmanager
def on_sigterm(handler: Callable[[int, object], NoReturn]) -> Iterator[None]:
    """Has SIGTERM call a handler, in the main thread: signals reach no other."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


@contextmanager
def exit_on_input_error() -> Iterator[None]:
    """Ends the process with the message and its exit code when an `InputError` reaches it.

    So do errors of the operating system that tell what the machine lacks. SIGTERM and Ctrl-C end it
    with one line too, after half-written files were removed.
    """
    try:
        # It unwinds the stack, so that half-written folders are removed. As the first process of a
        # container Python would not even notice the signal without this.
        with on_sigterm(_terminate):
            yield
    except InputError as error:
        print(f"{error.begins}{_in_one_line(str(error))}", file=sys.stderr, flush=True)
        raise SystemExit(error.exit_code) from None
    except KeyboardInterrupt:
        print("stopped by the user; nothing half-written was kept", file=sys.stderr, flush=True)
        raise SystemExit(130) from None
    except Exception as error:
        if not (lack := lacking(error)):
            raise
        where = f": {named}" if (named := getattr(error, "filename", None)) else ""
        remedy = REMEDIES.get(_number(error), MAKE_ROOM)
        detail = f" ({error})" if str(error) else ""
        said = _in_one_line(f"{lack}{where}{detail}; {remedy}")
        print(f"{EnvironmentTrouble.begins}{said}", file=sys.stderr, flush=True)
        raise SystemExit(ENVIRONMENT) from None
