"""What is known of fetched files, and digests."""

import base64
import binascii
import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import msgspec

from components.errors import InputError

CHUNK_BYTES = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Fetched:
    """A file or folder that lies on this machine now.

    Attributes:
        path: The file or folder.
        source: The address, resolved (for the hub: with the commit), without any signature.
        sha256: Of the downloaded file or archive; for a folder of the sorted lines name, NUL,
            digest, line feed; empty for a local folder.
        left_out: Names that lie in the folder at the address and that were not asked for.
    """

    path: Path
    source: str
    sha256: str
    left_out: tuple[str, ...] = ()


class FileRecord(msgspec.Struct, frozen=True):
    """One cached file: as the server named this version of it, and what was received."""

    identity: str
    size: int
    sha256: str
    time: str
    archive: bool = False


class Record(msgspec.Struct, frozen=True):
    """One cached address: all names that lie there, and those of them that were fetched."""

    source: str
    folder: bool
    names: list[str]
    files: dict[str, FileRecord]


class Hasher(Protocol):
    """What hashlib and google-crc32c have in common."""

    def update(self, data: bytes, /) -> object:
        """Takes in more bytes."""

    def digest(self) -> bytes:
        """Returns the digest of all bytes so far."""


def _crc32c() -> Hasher:
    import google_crc32c

    return google_crc32c.Checksum()  # type: ignore[no-untyped-call]


HASHERS = {
    "sha256": lambda: hashlib.sha256(),
    "sha1": lambda: hashlib.sha1(usedforsecurity=False),
    "md5": lambda: hashlib.md5(usedforsecurity=False),
    "crc32c": _crc32c,
}


def digests(path: Path, algorithms: Iterable[str]) -> dict[str, str]:
    """Returns the digests of a file's bytes in hexadecimal, all in one pass."""
    hashers: dict[str, Hasher] = {name: HASHERS[name]() for name in algorithms}
    with path.open("rb") as stream:
        while chunk := stream.read(CHUNK_BYTES):
            for hasher in hashers.values():
                hasher.update(chunk)
    return {name: hasher.digest().hex() for name, hasher in hashers.items()}


def from_base64(value: str) -> str:
    """Returns a digest in hexadecimal; empty for what is not base64."""
    try:
        return base64.b64decode(value, validate=True).hex()
    except binascii.Error:
        return ""


def sha256_of(path: Path) -> str:
    """Returns the SHA-256 of a file's bytes in hexadecimal."""
    return digests(path, ["sha256"])["sha256"]


def folder_digest(files: Mapping[str, str]) -> str:
    """Returns the SHA-256 of the sorted lines name, NUL, digest, line feed."""
    lines = "".join(f"{name}\0{sha256}\n" for name, sha256 in sorted(files.items()))
    return hashlib.sha256(lines.encode()).hexdigest()


def check_pin(shown: str, sha256: str, pinned: str) -> None:
    """Refuses what is not what the address pins.

    Raises:
        InputError: The digests differ; an empty `pinned` pins nothing.
    """
    if pinned and sha256 != pinned:
        raise InputError(
            f"{shown} has SHA-256 {sha256}, the address pins {pinned}: it is another file or was "
            "changed; mend the digest after #sha256= only if you trust the new one"
        )
