"""Addresses: what a URI asks for, what of it may be shown, and the digest it pins."""

import re
from dataclasses import dataclass
from pathlib import PurePosixPath
from urllib.parse import SplitResult, unquote, urlsplit

from components.errors import InputError
from components.storage.credentials import (
    CREDENTIALS_BELONG_IN,
    PIN,
    SHA256,
    concealed,
    scheme_of,
    split,
    without_secrets,
    without_signature,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """One address.

    Attributes:
        scheme: `file`, `http`, `https`, `gs`, `s3` or `hf`.
        uri: The address to ask with, without the pinned digest; may hold a signature, never shown.
        shown: The address in messages and records.
        key: The address for finding the cached copy: another signature is the same file.
        sha256: The pinned digest in lower case, or empty.
    """

    scheme: str
    uri: str
    shown: str
    key: str
    sha256: str

    @property
    def name(self) -> str:
        """The last part of the path, fit for a file name."""
        path = self.uri if self.scheme == "file" else urlsplit(self.uri).path
        name = re.sub(r"[\x00-\x1f/\\]", "_", unquote(PurePosixPath(path).name))
        return name[-100:] if name not in ("", ".", "..") else "download"


def parse_address(uri: str) -> Address:
    """Takes a URI or local path apart.

    Raises:
        InputError: It holds a user name or password, a malformed digest, a stray `#…` or a NUL, or
            is a path that is signed.
    """
    if "\0" in uri:
        raise InputError(f"{concealed(uri)!r} holds a NUL, which no address has: write it without")
    base, pinned, sha256 = uri.rpartition(PIN)
    base = base if pinned else uri
    scheme = scheme_of(base)
    parts = _parts(base, scheme) if scheme in CREDENTIALS_BELONG_IN else None
    shown = without_secrets(parts) if parts else concealed(base)
    if scheme == "file" and shown != base:
        raise InputError(f"{shown}?… is signed as addresses are: write https:// before it")
    if pinned and not SHA256.fullmatch(sha256):
        raise InputError(f"{shown}: after {PIN} come 64 hexadecimal digits, not {_told(sha256)!r}")
    return Address(
        scheme=scheme,
        uri=base,
        shown=shown,
        key=without_signature(parts) if parts else base,
        sha256=sha256.lower() if pinned else "",
    )


def _parts(uri: str, scheme: str) -> SplitResult:
    try:
        parts = split(uri)
    except ValueError:
        raise InputError(
            f"{concealed(uri)!r} is not an address that {scheme}:// can have; check the spelling"
        ) from None
    if "@" in parts.netloc:
        raise InputError(
            f"the {scheme}:// address holds a user name or password before its @, which would end "
            f"up in records and logs: take it out; credentials belong in "
            f"{CREDENTIALS_BELONG_IN[scheme]}"
        )
    if not parts.netloc:
        raise InputError(
            f"{concealed(uri)!r} names no host or bucket: write {scheme}://HOST-OR-BUCKET/PATH"
        )
    if parts.fragment:
        raise InputError(
            f"{concealed(uri)}: #{_told(parts.fragment)} is not understood; {PIN}HEX pins a digest"
        )
    return parts


def _told(fragment: str) -> str:
    """Returns what stands behind a # if it is too plain for a key."""
    return fragment if re.fullmatch(r"[\w.-]{1,20}", fragment) else "…"
