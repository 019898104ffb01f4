"""The cache: places on disk, records beside them, locks between processes.

files/NAME-KEY/…        what lay at an address; KEY is a digest of the address
files/NAME-KEY.json     its record
files/NAME-KEY.partial  a download that is going on or broke off, and its .partial.json;
                        for each file of a folder one, with a digest of its name behind
unpacked/SHA256/…       an archive's members, and SHA256.json with their digests
hub/…                   huggingface_hub's own cache
"""

import errno
import hashlib
import os
import re
import shutil
import tempfile
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

import msgspec
from filelock import FileLock, Timeout
from rich.filesize import decimal

from components.errors import EnvironmentTrouble, InputError
from components.storage.address import Address
from components.storage.progress import say
from components.storage.record import FileRecord, Record, sha256_of

CACHE_VARIABLE = "BAKEOFF_CACHE"
NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)

T = TypeVar("T")


def cache_folder() -> Path:
    """Returns where fetched files are kept: `BAKEOFF_CACHE`, else `encoder-bakeoff` in the user's.

    The user's cache is `XDG_CACHE_HOME`, else `~/.cache`.
    """
    if chosen := os.environ.get(CACHE_VARIABLE):
        return Path(chosen).expanduser().absolute()
    users = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return Path(users).expanduser() / "encoder-bakeoff"


@contextmanager
def writing(folder: Path, needed: int | None = None) -> Iterator[None]:
    """Tells a full or forbidden disk in one line; `needed` is in bytes, None where unknown.

    Raises:
        InputError: The disk has no room for what is written, or `folder` may not be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        free = shutil.disk_usage(folder).free
        if needed is not None and needed > free:
            raise OSError(errno.ENOSPC, "too little room")
        yield
    except OSError as error:
        if error.errno in NO_ROOM:
            free = shutil.disk_usage(folder).free
            wanted = "more room" if needed is None else f"{needed} bytes ({decimal(needed)})"
            raise EnvironmentTrouble(
                f"no room in {folder}: {wanted} needed, {free} bytes ({decimal(free)}) free; "
                f"make room or set {CACHE_VARIABLE} to a folder on a larger disk"
            ) from None
        if isinstance(error, (PermissionError, FileExistsError, NotADirectoryError)) or (
            error.errno == errno.EROFS
        ):
            raise InputError(
                f"cannot write the cache at {folder}: {error.strerror}; set {CACHE_VARIABLE} to a "
                "folder you may write to"
            ) from None
        raise


@contextmanager
def locked(path: Path, what: str) -> Iterator[None]:
    """Holds the lock `path` against other processes and threads; says so when it has to wait."""
    with writing(path.parent):
        path.parent.mkdir(parents=True, exist_ok=True)
    lock = FileLock(path)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        say(f"another process is fetching {what}: waiting for it")
        lock.acquire()
    try:
        yield
    finally:
        lock.release()


def read_record(path: Path, record_type: type[T]) -> T | None:
    """Reads a record; None where there is none or it cannot be read, so it is made anew."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=record_type)
    except (FileNotFoundError, msgspec.DecodeError):
        return None


def write_record(path: Path, record: object) -> None:
    """Writes a record as indented JSON, whole or not at all."""
    with tempfile.NamedTemporaryFile(dir=path.parent, prefix=path.name, delete=False) as stream:
        stream.write(msgspec.json.format(msgspec.json.encode(record), indent=2) + b"\n")
    Path(stream.name).chmod(0o644)
    Path(stream.name).replace(path)


class PartialNote(msgspec.Struct, frozen=True):
    """Which version of which file a broken download is the beginning of."""

    name: str
    identity: str
    size: int | None


class Partial:
    """The beginning of one file, and the note which file it is of."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._note = path.with_name(path.name + ".json")

    def bytes_of(self, note: PartialNote) -> int:
        """Returns how many bytes of this very version are there."""
        if note.identity and self.path.exists() and read_record(self._note, PartialNote) == note:
            done = self.path.stat().st_size
            return done if note.size is None or done <= note.size else 0
        return 0

    def resume_from(self, note: PartialNote) -> int:
        """Returns how many bytes of this very version are there; what is of another is dropped."""
        done = self.bytes_of(note)
        if not done:
            self.drop()
            write_record(self._note, note)
        return done

    def drop(self) -> None:
        """Removes it."""
        self.path.unlink(missing_ok=True)
        self._note.unlink(missing_ok=True)

    def put(self, target: Path) -> None:
        """Moves the finished file to its name."""
        target.parent.mkdir(parents=True, exist_ok=True)
        self.path.replace(target)
        self._note.unlink(missing_ok=True)


class Place:
    """Where one address is kept in the cache."""

    def __init__(self, address: Address) -> None:
        key = hashlib.sha256(address.key.encode()).hexdigest()[:16]
        stem = re.sub(r"[^A-Za-z0-9._-]", "_", address.name)[-60:]
        self.folder = cache_folder() / "files" / f"{stem}-{key}"
        self._name = address.name
        self._record = self._beside(".json")
        self.lock = self._beside(".lock")

    def _beside(self, suffix: str) -> Path:
        return self.folder.with_name(self.folder.name + suffix)

    def record(self) -> Record | None:
        """Returns what the record says, or None."""
        return read_record(self._record, Record)

    def keep(self, record: Record) -> None:
        """Writes the record."""
        write_record(self._record, record)

    def intact(self, name: str, entry: FileRecord) -> bool:
        """Says whether the cached file is there and has the bytes that were received."""
        path = self.folder / name
        return path.is_file() and sha256_of(path) == entry.sha256

    def partial(self, name: str) -> Partial:
        """Returns where the file is while it comes; the files of a folder come side by side."""
        digest = hashlib.sha256(name.encode()).hexdigest()[:16]
        return Partial(self._beside(".partial" + ("" if name == self._name else f"-{digest}")))

    def drop_partials(self, but: Collection[str] = ()) -> None:
        """Removes the beginnings of all files but these."""
        for path in self.folder.parent.glob(self.folder.name + ".partial*.json"):
            note = read_record(path, PartialNote)
            if note is None or note.name not in but:
                Partial(path.with_suffix("")).drop()

    def remove(self, name: str) -> None:
        """Removes a file that the server no longer has."""
        (self.folder / name).unlink(missing_ok=True)
