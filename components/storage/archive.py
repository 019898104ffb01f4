"""Archives: told by their content, unpacked into the cache, nothing trusted that they say.

An archive of a stranger may name files outside the folder, plant links, hold a thousand times its
size in zeros, or lie about all of it. Names are checked one by one, only plain files and folders
are taken, bytes are counted as they are written, and what is wrong is refused as a whole.
"""

import errno
import gzip
import io
import lzma
import shutil
import stat
import struct
import tarfile
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn, Protocol

import msgspec

from components.errors import InputError
from components.storage.cache import cache_folder, locked, read_record, write_record, writing
from components.storage.names import MOST_FILES, check_name
from components.storage.progress import say
from components.storage.record import CHUNK_BYTES, sha256_of

MOST_BYTES = 40 * 10**9
MOST_GROWTH = 200  # times the archive's size
SMALLEST_LIMIT = 16 << 20  # bytes; a small archive of zeros is no danger
HEADER_BYTES = 1 << 20  # of one member of a .tar; tarfile holds a header in memory
KINDS = {".zip": "zip", ".tar.gz": "tar.gz", ".tgz": "tar.gz"}
ENCRYPTED = 0x1  # of a .zip member's flags
DAMAGED = (
    EOFError, OSError, OverflowError, ValueError, lzma.LZMAError, struct.error, tarfile.TarError,
    zipfile.BadZipFile, zlib.error,
)  # fmt: skip


class DamagedArchive(InputError):
    """An archive that cannot be read to its end."""


class Unpacked(msgspec.Struct, frozen=True):
    """The record of an unpacked archive: the SHA-256 of each file."""

    files: dict[str, str]


def archive_kind(path: Path, name: str) -> str:
    """Returns `zip`, `tar.gz`, or an empty string for what is no archive to unpack.

    The content decides. A name with another suffix keeps its file whole: `.npz`, `.keras` and
    `pytorch_model.bin` are zip files too.

    Raises:
        InputError: The name says that it is an archive and the content does not, or another.
    """
    named = next((kind for suffix, kind in KINDS.items() if name.lower().endswith(suffix)), "")
    if not named and "." in name:
        return ""
    with path.open("rb") as stream:
        start = stream.read(6)
    found = "tar.gz" if start[:2] == b"\x1f\x8b" else "zip" if start[:2] == b"PK" else ""
    if found == named or not named:
        return found
    raise InputError(
        f"{name} is named a {named} file but begins with {start!r}"
        + (f", as a {found} does: name it so" if found else
           ": it may be an error page or cut; open the address in a browser")
    )  # fmt: skip


def folder_of(sha256: str) -> Path:
    """Returns where the archive with this digest is unpacked, whether it is or not."""
    return cache_folder() / "unpacked" / sha256


def is_unpacked(sha256: str) -> bool:
    """Says whether the archive with this digest is unpacked and no file of it was changed."""
    folder = folder_of(sha256)
    record = read_record(folder.with_name(sha256 + ".json"), Unpacked)
    return record is not None and record.files == _digests(folder)


def _digests(folder: Path) -> dict[str, str]:
    files = (p for p in folder.rglob("*") if p.is_file())
    return {p.relative_to(folder).as_posix(): sha256_of(p) for p in files}


def unpack(path: Path, kind: str, sha256: str) -> None:
    """Unpacks the archive into the cache, unless it is there.

    Raises:
        InputError: It is damaged, hostile or too large, or the disk is full.
    """
    folder = folder_of(sha256)
    with locked(folder.with_name(sha256 + ".lock"), path.name):
        if is_unpacked(sha256):
            return
        if folder.exists():
            say(f"the unpacked copy of {path.name} is damaged: unpacked again")
            shutil.rmtree(folder)
        temporary = Path(tempfile.mkdtemp(prefix=f"{sha256[:16]}.partial-", dir=folder.parent))
        try:
            with _explained(path):
                UNPACK[kind](path, temporary)
            if not (files := _digests(temporary)):
                _refuse(path, "holds no files")
            temporary.chmod(0o755)
            temporary.rename(folder)
        except BaseException:
            shutil.rmtree(temporary, ignore_errors=True)
            raise
        write_record(folder.with_name(sha256 + ".json"), Unpacked(files))


def inside(folder: Path) -> Path:
    """Returns the folder that everything is in: most archives hold one folder with the files."""
    while len(entries := list(folder.iterdir())) == 1 and entries[0].is_dir():
        folder = entries[0]
    return folder


@contextmanager
def _explained(path: Path) -> Iterator[None]:
    """Tells what the readers raise on bytes that are not what they should be."""
    try:
        yield
    except InputError:
        raise
    except (NotImplementedError, RecursionError):
        raise InputError(
            f"{path.name} is packed in a way that is not read: unpack it yourself and name the "
            "folder"
        ) from None
    except DAMAGED as error:
        if isinstance(error, OSError) and error.errno not in (None, errno.EINVAL):
            raise  # the disk's fault; EINVAL is a header that points outside the file
        raise DamagedArchive(
            f"{path.name} is cut or damaged ({error}): fetch it again, or get it elsewhere"
        ) from None


def _refuse(path: Path, reason: str) -> NoReturn:
    raise InputError(
        f"{path.name} {reason}: it is refused whole; if you trust it, unpack it yourself and name "
        "the folder"
    )


class Readable(Protocol):
    """What bytes are read from."""

    def read(self, size: int = -1, /) -> bytes | None:
        """Returns at most `size` bytes, none at the end."""


class _Target:
    """The folder that an archive is unpacked into, and how much of it may still come."""

    def __init__(self, path: Path, folder: Path) -> None:
        self.path, self._folder = path, folder
        self.limit = min(MOST_BYTES, max(SMALLEST_LIMIT, MOST_GROWTH * path.stat().st_size))
        self._bytes = self._members = 0

    def begin(self, name: str, *, plain: bool) -> None:
        """Counts a member and refuses it for its name or kind."""
        self._members += 1
        if self._members > MOST_FILES:
            _refuse(self.path, f"holds more than {MOST_FILES} members")
        check_name(self.path.name, name)
        if not plain:
            _refuse(self.path, f"holds {name!r}, which is a link, a device or no plain file")

    def count(self, size: int) -> None:
        """Counts bytes that came out."""
        self._bytes += size
        if self._bytes > self.limit:
            _refuse(self.path, f"grows to more than {self.limit} bytes when unpacked")

    def put_folder(self, name: str) -> None:
        """Makes a folder."""
        try:
            (self._folder / name).mkdir(parents=True, exist_ok=True)
        except (FileExistsError, NotADirectoryError):
            self._refuse_second(name)

    def put(self, name: str, content: Readable) -> None:
        """Writes one file; a name that is taken is a second member of that name."""
        target = self._folder / name
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            with target.open("xb") as stream:
                while chunk := content.read(CHUNK_BYTES):
                    self.count(len(chunk))
                    stream.write(chunk)
        except (FileExistsError, NotADirectoryError, IsADirectoryError):
            self._refuse_second(name)

    def pass_over(self, content: Readable) -> None:
        """Reads to the end without keeping anything."""
        while chunk := content.read(CHUNK_BYTES):
            self.count(len(chunk))

    def _refuse_second(self, name: str) -> NoReturn:
        _refuse(self.path, f"holds {name!r} twice, or once as a file and once as a folder")


def _of_macos(name: str) -> bool:
    """Says whether a member is only macOS's own: resource forks and folder views."""
    parts = name.split("/")
    return parts[0] == "__MACOSX" or parts[-1].startswith("._") or parts[-1] == ".DS_Store"


def _unpack_zip(path: Path, folder: Path) -> None:
    target = _Target(path, folder)
    with zipfile.ZipFile(path) as archive:
        members = archive.infolist()
        for member in members:
            kind = stat.S_IFMT(member.external_attr >> 16)
            target.begin(member.orig_filename, plain=kind in (0, stat.S_IFREG, stat.S_IFDIR))
            if member.flag_bits & ENCRYPTED:
                _refuse(path, f"holds {member.filename!r}, which is encrypted")
        stated = sum(member.file_size for member in members)
        if stated > target.limit:
            _refuse(path, f"grows to {stated} bytes when unpacked, more than {target.limit}")
        with writing(folder, stated):
            for member in members:
                _put_zip_member(archive, member, target)


def _put_zip_member(archive: zipfile.ZipFile, member: zipfile.ZipInfo, target: _Target) -> None:
    if _of_macos(member.filename):
        return
    if member.is_dir():
        target.put_folder(member.filename)
        return
    with archive.open(member) as content:
        target.put(member.filename, content)


class _Metered(io.RawIOBase):
    """The unpacked stream of a .tar, which may be read only as far as it was allowed."""

    def __init__(self, stream: Readable, path: Path) -> None:
        self._stream, self._path = stream, path
        self._allowed = 0

    def allow(self, count: int) -> None:
        """Sets how many bytes may be read from now on."""
        self._allowed = count

    def read(self, size: int = -1) -> bytes:
        """Reads at most a chunk."""
        data = self._stream.read(min(size, CHUNK_BYTES) if size >= 0 else CHUNK_BYTES) or b""
        self._allowed -= len(data)
        if self._allowed < 0:
            _refuse(self._path, "has more header or more content than a file may have")
        return data


def _unpack_tar(path: Path, folder: Path) -> None:
    target = _Target(path, folder)
    with (
        gzip.open(path) as unzipped,
        writing(folder),
        _Metered(unzipped, path) as metered,
    ):
        metered.allow(HEADER_BYTES)  # opening reads the first header
        with tarfile.open(fileobj=metered, mode="r|") as archive:
            while member := archive.next():
                metered.allow(target.limit + HEADER_BYTES)
                _put_tar_member(archive, member, target)
                archive.members = []  # type: ignore[attr-defined]  # or tarfile keeps them all
                metered.allow(HEADER_BYTES)
        metered.allow(target.limit + HEADER_BYTES)
        target.pass_over(metered)  # at the end stand gzip's own checksum and length


def _put_tar_member(archive: tarfile.TarFile, member: tarfile.TarInfo, target: _Target) -> None:
    plain = (member.isreg() or member.isdir()) and not member.issparse()
    target.begin(member.name, plain=plain)
    try:
        tarfile.data_filter(member, str(target.path.parent))
    except tarfile.FilterError as error:
        _refuse(target.path, f"holds {member.name!r}: {error}")
    if member.isdir():
        target.put_folder(member.name)
    elif content := archive.extractfile(member):
        if _of_macos(member.name):
            target.pass_over(content)
        else:
            target.put(member.name, content)


UNPACK: dict[str, Callable[[Path, Path], None]] = {"zip": _unpack_zip, "tar.gz": _unpack_tar}
