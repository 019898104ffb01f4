"""Artifact folders: written beside their place, checked, and renamed into it when whole.

A folder counts as an artifact only with its manifest, `artifact.json`, which lists every other file
with its size and SHA-256. It is written last. A step that is killed half-way leaves a folder named
`….partial-…` that nothing reads, and that the next one removes; a folder that lost or changed a
file is refused by name.
"""

import dataclasses
import hashlib
import os
from collections.abc import Collection, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from components.errors import InputError, kind_of, writing
from components.partial import is_partial, partial_folder, take_place
from components.storage.names import check_name

MANIFEST = "artifact.json"
FORMAT = 1
"""Counts up when a folder of an earlier version can no longer be read."""
LARGEST_JSON_BYTES = 1 << 30
"""Of a file that is read as a whole: a comparison of two models takes 46 MB with 1,000 labels."""
_CHUNK_BYTES = 1 << 20

Record = TypeVar("Record")


class NotWhole(InputError):
    """An artifact, or a file of one, that is missing, cut, changed or of another version.

    One that cannot be looked at is another error: it may be whole.
    """


class FileEntry(msgspec.Struct, frozen=True):
    """One file of an artifact: size in bytes and SHA-256 in hexadecimal."""

    bytes: int
    sha256: str


class Manifest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What an artifact folder holds, and in which format."""

    kind: str
    files: dict[str, FileEntry]
    version: int


class _Format(msgspec.Struct, frozen=True):
    """What every manifest tells; of another version the rest may be of other kinds."""

    version: int
    kind: Any = None
    files: Any = None


def sha256_of(path: Path) -> str:
    """Returns the SHA-256 of a file's bytes in hexadecimal, read in chunks."""
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        while chunk := stream.read(_CHUNK_BYTES):
            digest.update(chunk)
    return digest.hexdigest()


def _files_below(folder: Path) -> list[Path]:
    found = (p for p in sorted(folder.rglob("*")) if p.is_file())
    return [p for p in found if p != folder / MANIFEST]


def write_json(path: Path, record: Any) -> None:
    """Writes a dataclass or plain structure as indented JSON with a final newline."""
    path.write_bytes(msgspec.json.format(msgspec.json.encode(record), indent=2) + b"\n")


def read_json(path: Path, record_type: type[Record]) -> Record:
    """Reads JSON into a typed record.

    Raises:
        NotWhole: The file is missing, too large, is not JSON, or is not what the record holds: no
            field less, none more, none of another type.
        InputError: It cannot be read.
    """
    return _read_json(path, record_type, record_type.__name__)


def _read_json(path: Path, record_type: type[Record], name: str) -> Record:
    try:
        if (size := path.stat().st_size) > LARGEST_JSON_BYTES:
            raise NotWhole(
                f"{path} has {size:,} bytes, but a {name} has at most {LARGEST_JSON_BYTES:,}; run "
                "the step that writes it again"
            )
        encoded = path.read_bytes()
        record = msgspec.json.decode(encoded, type=record_type)
        fault = _unknown_field(encoded, record) if dataclasses.is_dataclass(record) else ""
    except FileNotFoundError:
        raise NotWhole(f"{path} does not exist") from None
    except OSError as error:
        raise kind_of(error)(f"cannot read {path}: {error.strerror}") from None
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        fault = str(error)
    if fault:
        raise NotWhole(
            f"{path} is not a {name} of this version: {fault}; run the step that writes it again"
        )
    return record


def _unknown_field(encoded: bytes, record: Any) -> str:
    """Says which field a record lacks that its JSON has; empty for none."""
    there, known = (msgspec.json.decode(text) for text in (encoded, msgspec.json.encode(record)))
    found = _left_over(there, known, "$") if there != known else ""
    return f"Object contains unknown field `{found}`" if found else ""


def _left_over(there: Any, known: Any, place: str) -> str:
    """Returns the place of the first field of an object that is not known; empty for none."""
    if isinstance(there, dict):
        if added := [name for name in there if name not in known]:
            return f"{place}.{added[0]}"
        inner = [(there[name], known[name], f"{place}.{name}") for name in there]
    elif isinstance(there, list):
        inner = [(*both, f"{place}[{n}]") for n, both in enumerate(zip(there, known, strict=True))]
    else:
        inner = []
    return next(filter(None, (_left_over(*each) for each in inner)), "")


def read_manifest(path: Path) -> Manifest:
    """Reads the manifest of the artifact folder `path`.

    Raises:
        NotWhole: It is none, or of another version, which may look otherwise.
        InputError: It cannot be read.
    """
    version = _read_json(path / MANIFEST, _Format, Manifest.__name__).version
    if version != FORMAT:
        raise NotWhole(
            f"{path} was written in format {version}, this version reads format {FORMAT}; "
            "run the step that writes it again with this version"
        )
    return read_json(path / MANIFEST, Manifest)


def check_place(path: Path, kind: str) -> None:
    """Refuses to put an artifact where something else lies, or where it could not be put.

    Raises:
        InputError: `path` is a file, the current folder, a mount point, holds another kind of
            artifact or files that are not the artifact's, or cannot be looked at.
    """
    try:
        if not path.exists():
            return
        if not path.is_dir():
            raise InputError(f"{path} is a file; name a folder for the {kind}")
        if path.resolve() == Path.cwd() or path.is_mount():
            raise InputError(
                f"{path} cannot be replaced as a whole; name a folder inside it for the {kind}"
            )
        if any(path.iterdir()) and (found := _foreign(path, kind)):
            raise InputError(f"{path} {found}; name a new folder for the {kind}")
    except OSError as error:
        raise _unwritable(path, kind, error) from None


def _foreign(path: Path, kind: str) -> str:
    """Says what a folder holds that is not an artifact of this kind; empty for nothing."""
    if not (path / MANIFEST).is_file():
        return "is not empty and is not an artifact of ours"
    return what_would_be_lost(path, {str(p.relative_to(path)) for p in _files_below(path)}, kind)


def what_would_be_lost(path: Path, names: Collection[str], kind: str) -> str:
    """Says what speaks against putting an artifact in the place of another; empty for nothing.

    Args:
        path: Folder that holds the manifest of the other.
        names: The other's files, its manifest not among them.
        kind: Kind of the new one.
    """
    try:
        manifest = _read_json(path / MANIFEST, _Format, Manifest.__name__)
    except InputError:
        return f"has an {MANIFEST} that is damaged"
    if manifest.kind != kind:
        return f"holds {manifest.kind or 'something unknown'}, which would be lost"
    listed = manifest.files if isinstance(manifest.files, dict) else {}
    added = sorted(set(names) - listed.keys())
    return f"holds {added[0]}, which is not part of the artifact" if added else ""


def _unwritable(path: Path, kind: str, error: OSError) -> InputError:
    return kind_of(error)(
        f"cannot write the {kind} to {path}: {error.strerror}; name a folder you may write to"
    )


@contextmanager
def new_folder(
    path: Path, kind: str, known: Mapping[str, FileEntry] | None = None, *, flush: bool = True
) -> Iterator[Path]:
    """Gives a temporary folder beside `path` that becomes the artifact `path` on success.

    An artifact of the same kind that already lies at `path`, or an empty folder, is replaced.

    Args:
        path: Where the artifact belongs.
        kind: What it is.
        known: Files of the folder by name that were looked at when they were written: reading
            gigabytes again takes seconds.
        flush: Whether to wait until the disk has all of it.

    Raises:
        InputError: Something else lies at `path` (`check_place`), or it cannot be written.
    """
    check_place(path, kind)
    with ExitStack() as stack:
        try:
            partial = stack.enter_context(partial_folder(path))
        except OSError as error:
            raise _unwritable(path, kind, error) from None
        with writing(f"the {kind}", path):
            yield partial
            _seal(partial, kind, known, flush)
            take_place(partial, path)
            if flush:
                _flush(path.parent)


def entry_of(path: Path) -> FileEntry:
    """Returns what the manifest says of a file."""
    return FileEntry(path.stat().st_size, sha256_of(path))


def _flush(path: Path) -> None:
    """Waits until the disk has all of a file, or all names of a folder.

    A rename may reach the disk before what was written: after a loss of power whole names would
    hold empty files.
    """
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _seal(
    folder: Path, kind: str, known: Mapping[str, FileEntry] | None = None, flush: bool = True
) -> None:
    names = {str(path.relative_to(folder)): path for path in _files_below(folder)}
    files = {name: (known or {}).get(name) or entry_of(path) for name, path in names.items()}
    write_json(folder / MANIFEST, Manifest(kind, files, FORMAT))
    folder.chmod(0o755)  # mkdtemp and safetensors write for the owner alone;
    for file in names.values():  # the next step may run as another user
        file.chmod(0o644)
    for file in (*names.values(), folder / MANIFEST) if flush else ():
        _flush(file)


def open_folder(path: Path, kind: str, *, needs: Collection[str] = ()) -> Path:
    """Returns `path` after checking that it is a whole artifact of this kind.

    Args:
        path: The folder.
        kind: The kind.
        needs: Files that it must hold.

    Raises:
        NotWhole: It does not exist, is being written, is of another kind or version, or a file is
            missing, cut, changed or not in the folder.
        InputError: It cannot be read.
    """
    try:
        return _opened(path, kind, needs)
    except OSError as error:
        raise kind_of(error)(f"cannot read {error.filename or path}: {error.strerror}") from None


def _opened(path: Path, kind: str, needs: Collection[str]) -> Path:
    if not path.is_dir():
        raise NotWhole(f"no {kind} folder at {path}: it does not exist or is not a folder")
    if is_partial(path):  # it may hold all, and the disk not yet
        raise NotWhole(
            f"{path} is what a step is writing, or left when it was killed: it is not a finished "
            f"{kind} folder; run the step that writes it again"
        )
    if not (path / MANIFEST).is_file():
        raise NotWhole(
            f"{path} has no {MANIFEST}: it is not a finished {kind} folder; "
            "run the step that writes it again"
        )
    manifest = read_manifest(path)
    if manifest.kind != kind:
        raise NotWhole(f"{path} holds {manifest.kind}, not {kind}; name a {kind} folder")
    for name, entry in manifest.files.items():
        try:
            check_name(str(path / MANIFEST), name)
        except InputError as error:
            raise NotWhole(str(error)) from None
        _check_file(path / name, entry)
    if lacking := sorted(set(needs) - manifest.files.keys()):
        raise NotWhole(
            f"{path} has no {lacking[0]}: it is not a whole {kind} folder; run the step that "
            "writes it again"
        )
    return path


def _check_file(path: Path, entry: FileEntry) -> None:
    if not path.is_file():
        state = "is missing"
    elif path.stat().st_size != entry.bytes:
        state = f"has {path.stat().st_size} bytes instead of {entry.bytes}"
    elif sha256_of(path) != entry.sha256:
        state = "has other content than when it was written"
    else:
        return
    raise NotWhole(f"{path} {state}; run the step that writes it again")
