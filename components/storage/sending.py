"""What it takes to write to a bucket, whatever the scheme."""

import mimetypes
from collections.abc import Callable
from pathlib import Path
from typing import Protocol, TypeVar

from components.errors import InputError
from components.storage.progress import say
from components.storage.remote import Patience
from components.storage.together import Together

# Hours of training may hang on it: the eight attempts outlast a minute's outage.
ATTEMPTS_TO_SEND = 8
PART_BYTES = 8 << 20  # of one request to S3, held in memory

T = TypeVar("T")


class Damaged(Exception):
    """Other bytes arrived than were sent."""


class Destination(Protocol):
    """An address in a bucket that is written to; every method repeats what may pass.

    Each raises InputError when it is refused or fails too often.
    """

    def at(self) -> bool:
        """Says whether an object lies at the address itself."""

    def below(self) -> dict[str, str]:
        """Returns the names below the address as a folder, each with a digest of its content."""

    def send(self, path: Path, name: str, together: Together) -> str:
        """Writes a file to a name below, or with no name to the address; returns `below`'s digest.

        The object is seen when it is whole and its checksum was found right.
        """

    def remove(self, name: str) -> None:
        """Removes what lies at a name below, or with no name at the address, if anything does."""

    def probe(self, *, removing: bool) -> None:
        """Tries whether objects may be written below, and removed, and leaves nothing there."""


def sending_patience(shown: str, together: Together | None = None) -> Patience:
    """Returns the patience of a request that writes."""
    if together is None:
        return Patience(shown, ATTEMPTS_TO_SEND)
    return Patience(shown, ATTEMPTS_TO_SEND, together.sleep)


def undamaged(shown: str, send: Callable[[], T]) -> T:
    """Sends, and once more if it arrived damaged.

    Raises:
        InputError: It did so twice.
    """
    for _ in range(2):
        try:
            return send()
        except Damaged as error:
            differs = error
            say(f"{shown}: {error}")
    raise InputError(
        f"{shown}: {differs}, twice: it is damaged on the way, or the file was written to "
        "meanwhile; try again, and tell whoever runs the server if it stays so"
    )


def content_type(name: str) -> str:
    """Returns what a browser needs to know to show it."""
    return mimetypes.guess_type(name, strict=False)[0] or "application/octet-stream"
