"""One file on a server, whatever the scheme, and the loop that downloads it."""

import random
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import NoReturn, Protocol, TypeVar

from components.errors import EnvironmentTrouble, InputError
from components.storage.cache import Partial, PartialNote, writing
from components.storage.progress import say
from components.storage.record import digests
from components.storage.together import Together

ATTEMPTS = 5
FIRST_WAIT_SECONDS = 0.5
LONGEST_WAIT_SECONDS = 60.0
TIMEOUT_SECONDS = 30.0  # without a byte
STEADY_BYTES = 1 << 20  # an attempt that brought this much was none in vain
LONGEST_SAID = 300  # characters of what a server says about its refusal
RETRIED = frozenset({408, 425, 429, 500, 502, 503, 504})

T = TypeVar("T")


class Again(Exception):
    """Something that may pass: a busy server, a broken connection.

    `seconds` is how long the server asks to wait.
    """

    def __init__(self, reason: str, seconds: float | None = None) -> None:
        super().__init__(reason)
        self.seconds = seconds


class Changed(Exception):
    """The file on the server is no longer the one that was asked about."""


class Unreachable(EnvironmentTrouble):
    """The server did not answer usefully, however often it was asked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What a server says about a file.

    Attributes:
        identity: Its name for this version (ETag, generation, date); empty where it has none.
        size: Bytes, or None where it does not say.
        checksums: Algorithm → digest in hexadecimal.
        encoding: A content coding that lies over the file, or empty.
    """

    identity: str
    size: int | None
    checksums: Mapping[str, str] = field(default_factory=dict)
    encoding: str = ""


class Remote(Protocol):
    """A file on a server."""

    @property
    def shown(self) -> str:
        """The address for messages."""

    @property
    def facts(self) -> Facts:
        """What the server said when it was asked last."""

    def open(self, offset: int) -> AbstractContextManager[tuple[int, Iterator[bytes]]]:
        """Gives the bytes from `offset` and where they really begin: there, or at 0.

        Raises:
            Again, Changed, InputError: The connection broke; another version; refused.
        """


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """What lies at an address: one file, or a folder's files by their names in it."""

    folder: bool
    files: Mapping[str, Remote]


class Patience:
    """Waits between attempts, longer each time, and gives up in the end."""

    def __init__(
        self, shown: str, attempts: int = ATTEMPTS, sleep: Callable[[float], object] = time.sleep
    ) -> None:
        self._shown, self._attempts, self._sleep = shown, attempts, sleep
        self._failures = 0

    def succeeded(self) -> None:
        """Forgets earlier failures."""
        self._failures = 0

    def wait(self, error: Again) -> None:
        """Sleeps as long as the server asks, or twice as long as the last time.

        Raises:
            Unreachable: It failed too often, or the server asks for more time than we wait.
        """
        self._failures += 1
        asked = error.seconds or 0.0
        if self._failures >= self._attempts:
            raise Unreachable(f"{self._shown}: {error}, {self._attempts} times; try again later")
        if asked > LONGEST_WAIT_SECONDS:
            raise Unreachable(f"{self._shown}: {error}; it asks to wait {asked:.0f} s: do so")
        growing = FIRST_WAIT_SECONDS * 2 ** (self._failures - 1) * random.uniform(0.5, 1.5)
        seconds = max(asked, min(growing, LONGEST_WAIT_SECONDS))
        say(f"{self._shown}: {error}; attempt {self._failures + 1} in {seconds:.1f} s")
        self._sleep(seconds)


def patiently(shown: str, action: Callable[[], T], patience: Patience | None = None) -> T:
    """Repeats the action until it does not fail for a while.

    Raises:
        Unreachable: It failed too often.
    """
    patience = patience or Patience(shown)
    while True:
        try:
            return action()
        except Again as error:
            patience.wait(error)


def asked_to_wait(retry_after: str | None) -> float | None:
    """Returns how many seconds the header `Retry-After` asks for, as a number or a date."""
    if retry_after is None or retry_after.isdecimal():
        return float(retry_after) if retry_after else None
    try:
        return max(0.0, parsedate_to_datetime(retry_after).timestamp() - time.time())
    except ValueError:
        return None


READING = {
    401: "asks for credentials: {remedy}",
    403: "may not be read with these credentials, or its signature is over: {remedy}",
    404: "does not exist: check the spelling; it may also be private: {remedy}",
    410: "does not exist any more: ask whoever published it for the new address",
}
WRITING = {
    401: "asks for credentials: {remedy}",
    403: "may not be written with these credentials ({said}): {remedy}",
    404: "cannot be written, as there is no such bucket: create it or check its spelling",
}


def refuse_status(
    shown: str,
    status: int,
    remedy: str,
    seconds: float | None = None,
    said: str = "check the address",
    refusals: Mapping[int, str] = READING,
) -> NoReturn:
    """Tells an HTTP status of failure as an error; `said` goes with a status that is not usual.

    Raises:
        Again: It may pass.
        InputError: It will not; `remedy` says where credentials come from.
    """
    if status in RETRIED:
        raise Again(f"the server answers {status}", seconds)
    reason = refusals.get(
        status, f"cannot be {'read' if refusals is READING else 'written'}: {{said}}"
    )
    in_one_line = " ".join(said.split())[:LONGEST_SAID]
    raise InputError(f"{shown} {reason.format(remedy=remedy, said=in_one_line)} (HTTP {status})")


def download(remote: Remote, name: str, partial: Partial, together: Together) -> str:
    """Brings the file to `partial`, checked, and returns its SHA-256.

    Raises:
        Changed: It became another version on the way.
        InputError: It cannot be had, or comes with another checksum than the server states.
    """
    _refuse_coding(remote, name)
    for _ in range(2):
        _receive_whole(remote, name, partial, together)
        stated = remote.facts.checksums
        found = digests(partial.path, {"sha256", *stated})
        wrong = [kind for kind in stated if stated[kind] != found[kind]]
        if not wrong:
            return found["sha256"]
        together.moved(-partial.path.stat().st_size)
        partial.drop()
        differs = f"{wrong[0]} {found[wrong[0]]} where the server states {stated[wrong[0]]}"
        say(f"{remote.shown} arrived with {differs}")
    raise InputError(
        f"{remote.shown} arrived twice with {differs}: it is damaged on the server or on the way; "
        "tell whoever runs the server, or fetch it elsewhere and name the local path"
    )


def _refuse_coding(remote: Remote, name: str) -> None:
    coding = remote.facts.encoding
    if coding and not name.endswith((".gz", ".tgz")):
        raise InputError(
            f"{remote.shown} is stored as Content-Encoding: {coding}, so its bytes are not the "
            "file's: store it without, or fetch and unpack it and name the local path"
        )


def _receive_whole(remote: Remote, name: str, partial: Partial, together: Together) -> None:
    patience = Patience(remote.shown, sleep=together.sleep)
    while True:
        facts = remote.facts
        done = partial.resume_from(PartialNote(name, facts.identity, facts.size))
        if facts.size is not None and done == facts.size and partial.path.exists():
            return
        if done:
            say(f"{remote.shown}: resumed at byte {done}")
        try:
            _receive(remote, partial.path, done, together)
            return
        except Again as error:
            came = partial.path.stat().st_size - done if partial.path.exists() else 0
            if came >= STEADY_BYTES:
                patience.succeeded()
            if not facts.identity:  # then nothing is resumed
                together.moved(-(done + came))
            patience.wait(error)


def _receive(remote: Remote, path: Path, done: int, together: Together) -> None:
    """Makes one attempt; what arrived stays on disk whatever happens."""
    size = remote.facts.size
    with (
        writing(path.parent, None if size is None else size - done),
        remote.open(done) as (start, chunks),
        path.open("ab" if start else "wb") as stream,
    ):
        together.moved(start - done)  # less where the server knows no ranges
        for chunk in chunks:
            stream.write(chunk)
            together.moved(len(chunk))
            if size is not None and stream.tell() > size:
                break  # of a body that may never end
        if size is not None and stream.tell() != size:
            raise Again(f"{stream.tell()} of {size} bytes arrived")
