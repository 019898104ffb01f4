"""What gs:// and s3:// have in common: buckets, prefixes taken for folders."""

from collections.abc import Mapping

from components.errors import InputError
from components.storage.address import Address
from components.storage.names import MOST_FILES, check_name
from components.storage.remote import Listing, Remote


def bucket_and_name(address: Address) -> tuple[str, str]:
    """Returns the bucket and the object's name or prefix, empty for the whole bucket."""
    bucket, _, name = address.uri.partition("://")[2].partition("/")
    return bucket, name


def prefix_of(name: str) -> str:
    """Returns what the names below an address begin with."""
    return name.rstrip("/") + "/" if name.rstrip("/") else ""


def listing(address: Address, prefix: str, files: Mapping[str, Remote]) -> Listing:
    """Makes a folder of the objects below a prefix; names that end in / only mark folders.

    Raises:
        InputError: There are none, too many, or some that are no file names.
    """
    named = {key.removeprefix(prefix): file for key, file in files.items() if key[-1] != "/"}
    if not named:
        raise InputError(
            f"{address.shown} does not exist: there is no such object, and none below it; "
            "check the spelling of bucket and name"
        )
    if len(named) > MOST_FILES:
        raise InputError(
            f"{address.shown} holds {len(named)} objects, more than {MOST_FILES}: "
            "name the folder of one model or data set"
        )
    for name in named:
        check_name(address.shown, name)
    return Listing(folder=True, files=named)
