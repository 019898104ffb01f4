"""Names of files that others chose: only those that stay inside a folder are taken."""

import re
import unicodedata

from components.errors import InputError

MOST_FILES = 10_000
LONGEST_PART = 255  # bytes, what common file systems take
LONGEST_NAME = 1000


def check_name(shown: str, name: str) -> None:
    """Refuses a name that leads outside, means another thing elsewhere, or fits no disk.

    Raises:
        InputError: With the reason.
    """
    reason = _fault(name)
    if reason:
        printable = "".join(c if c.isprintable() else "?" for c in name[:100])
        raise InputError(
            f"{shown} holds {printable!r}, which {reason}: it is refused whole, as it may be "
            "hostile; unpack or copy it yourself if you trust it, and name the folder"
        )


def _fault(name: str) -> str:
    parts = name.rstrip("/").split("/")
    if name.startswith("/"):
        return "is an absolute path"
    if re.match("[A-Za-z]:", name):
        return "begins with a drive letter"
    if "\\" in name:
        return "has a backslash"
    if ".." in parts:
        return "leads outside through '..'"
    if any(unicodedata.category(c) in ("Cc", "Cs") for c in name):
        return "has control characters or is no Unicode"
    if any(part in ("", ".") for part in parts[1:]) or not parts[0]:
        return "has an empty part"
    if len(name.encode()) > LONGEST_NAME or any(len(p.encode()) > LONGEST_PART for p in parts):
        return "is too long"
    return ""
