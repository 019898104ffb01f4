"""Credentials in addresses: what signs one or opens a door, and the address without it."""

import re
from urllib.parse import SplitResult, urlsplit

PIN = "#sha256="
SHA256 = re.compile("[0-9a-fA-F]{64}")
CREDENTIALS_BELONG_IN = {
    "http": "~/.netrc",
    "https": "~/.netrc",
    "gs": "`gcloud auth application-default login`",
    "s3": "`aws configure`",
}
"""Where they do, by the schemes whose addresses have a host or bucket."""
# Query parameters that sign an address or open a door: AWS, Google, Azure, CloudFront, plain ones.
SECRET = re.compile(
    r"x-amz-.*|x-goog-.*|sig|expires|policy|key-pair-id|awsaccesskeyid|googleaccessid"
    r"|sharedaccess(signature|key)|session_?id|auth"
    r"|((access|api|auth|client|oauth|private|refresh|session)[_-]?)?(key|token|secret)"
    r"|(.*[_-])?(token|secret|signature|passw(or)?d|pwd|credentials?|authorization)",
    re.IGNORECASE,
)


def recordable(uri: str) -> str:
    """Returns an address, or what was meant for one, as it may be shown and kept.

    Only what may be secret is left out: a path is as it was, a pinned digest stays.
    """
    base, pinned, sha256 = uri.rpartition(PIN)
    if pinned and SHA256.fullmatch(sha256):
        return f"{_without_secrets(base)}{PIN}{sha256.lower()}"
    return _without_secrets(uri)


def _without_secrets(uri: str) -> str:
    try:
        parts = split(uri)
    except ValueError:
        return concealed(uri)
    if scheme_of(uri) not in CREDENTIALS_BELONG_IN or "@" in parts.netloc or "\0" in uri:
        return concealed(uri)
    return without_secrets(parts)


def concealed(uri: str) -> str:
    """Returns what need not be an address without all that may be secret; paths as they are."""
    path, _, query = uri.partition("?")
    if scheme_of(uri) == "file":
        return path if any(map(_is_secret, query.split("&"))) else uri
    path = re.split(r"[?#]", uri, maxsplit=1)[0]
    return re.sub(r"//.*@", "//…@", path)  # keys have slashes too


def without_secrets(parts: SplitResult) -> str:
    """Returns an address to show: without its query if any of it is secret."""
    pieces = parts.query.split("&")
    plain = parts._replace(scheme=parts.scheme.lower(), fragment="")
    return (plain._replace(query="") if any(map(_is_secret, pieces)) else plain).geturl()


def without_signature(parts: SplitResult) -> str:
    """Returns an address by which its copy is found: another signature is the same file."""
    pieces = [piece for piece in parts.query.split("&") if not _is_secret(piece)]
    plain = parts._replace(scheme=parts.scheme.lower(), fragment="", query="&".join(pieces))
    return plain.geturl()


def _is_secret(piece: str) -> bool:
    return bool(SECRET.fullmatch(piece.partition("=")[0]))


def scheme_of(uri: str) -> str:
    """Returns the scheme of an address, in lower case; `file` for a path."""
    if uri.startswith("hf:"):
        return "hf"
    scheme, separator, _ = uri.partition("://")
    return scheme.lower() if separator else "file"


def split(uri: str) -> SplitResult:
    """Takes an address apart; that of a bucket has no fragment: # is part of a name there.

    Raises:
        ValueError: No address looks like that.
    """
    parts = urlsplit(uri, allow_fragments=scheme_of(uri) in ("http", "https"))
    _ = parts.port  # what comes after a colon must be one, and not a password
    return parts
