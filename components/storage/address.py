"""Addresses: what a URI asks for, what of it may be shown, and the digest it pins."""

import re
from dataclasses import dataclass
from pathlib import PurePosixPath
from urllib.parse import SplitResult, unquote, urlsplit

from components.errors import InputError

PIN = "#sha256="
CREDENTIALS_BELONG_IN = {
    "http": "~/.netrc",
    "https": "~/.netrc",
    "gs": "`gcloud auth application-default login`",
    "s3": "`aws configure`",
}
# Query parameters that sign an address or open a door: AWS, Google, Azure, CloudFront, plain ones.
SECRET = re.compile(
    r"x-amz-.*|x-goog-.*|sig|expires|policy|key-pair-id|awsaccesskeyid|googleaccessid"
    r"|sharedaccess(signature|key)|session_?id|auth"
    r"|((access|api|auth|client|oauth|private|refresh|session)[_-]?)?(key|token|secret)"
    r"|(.*[_-])?(token|secret|signature|passw(or)?d|pwd|credentials?|authorization)",
    re.IGNORECASE,
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
        InputError: It holds a user name or password, a malformed digest, a stray `#…` or a NUL.
    """
    if "\0" in uri:
        raise InputError(f"{concealed(uri)!r} holds a NUL, which no address has: write it without")
    base, pinned, sha256 = uri.rpartition(PIN)
    base = base if pinned else uri
    scheme = _scheme(base)
    parts = _split(base, scheme) if scheme in CREDENTIALS_BELONG_IN else None
    shown, key = _without_secrets(parts) if parts else (concealed(base), base)
    if pinned and not re.fullmatch("[0-9a-fA-F]{64}", sha256):
        raise InputError(f"{shown}: after {PIN} come 64 hexadecimal digits, not {sha256!r}")
    pin = sha256.lower() if pinned else ""
    return Address(scheme=scheme, uri=base, shown=shown, key=key, sha256=pin)


def recordable(uri: str) -> str:
    """Returns an address that was parsed before as it may be kept: without what signs it."""
    address = parse_address(uri)
    return f"{address.shown}{PIN}{address.sha256}" if address.sha256 else address.shown


def concealed(uri: str) -> str:
    """Returns an address that need not be one, without what may be secret; paths as they are."""
    if _scheme(uri) == "file":
        return uri
    path = re.split(r"[?#]", uri, maxsplit=1)[0]
    return re.sub(r"//.*@", "//…@", path)  # keys have slashes too


def _scheme(uri: str) -> str:
    if uri.startswith("hf:"):
        return "hf"
    scheme, separator, _ = uri.partition("://")
    return scheme.lower() if separator else "file"


def _split(uri: str, scheme: str) -> SplitResult:
    try:
        parts = urlsplit(uri, allow_fragments=scheme in ("http", "https"))
        _ = parts.port  # what comes after a colon must be one, and not a password
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
        told = parts.fragment if re.fullmatch(r"[\w.-]{1,20}", parts.fragment) else "…"
        raise InputError(f"{concealed(uri)}: #{told} is not understood; {PIN}HEX pins a digest")
    return parts


def _without_secrets(parts: SplitResult) -> tuple[str, str]:
    """Returns the address to show, without query if any of it is secret, and the cache's key."""
    pieces = parts.query.split("&")
    harmless = [piece for piece in pieces if not SECRET.fullmatch(piece.partition("=")[0])]
    plain = parts._replace(scheme=parts.scheme.lower(), fragment="")
    shown = plain if harmless == pieces else plain._replace(query="")
    return shown.geturl(), plain._replace(query="&".join(harmless)).geturl()
