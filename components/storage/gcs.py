"""gs:// objects and prefixes."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import google.auth.exceptions
import requests
import urllib3
from google.api_core.exceptions import GoogleAPICallError
from google.cloud import storage

from components.errors import InputError
from components.storage import remote
from components.storage.address import Address
from components.storage.buckets import bucket_and_name, listing
from components.storage.record import from_base64
from components.storage.remote import Again, Changed, Facts, Listing, asked_to_wait, refuse_status

REMEDY = (
    "run `gcloud auth application-default login`, or name a service account's key file in "
    "GOOGLE_APPLICATION_CREDENTIALS"
)
PRECONDITION_FAILED = 412
RANGE_BYTES = 16 << 20  # of one request; the library gives whole answers


def find(address: Address) -> Listing:
    """Asks for the object, or for what lies below it as a prefix.

    Raises:
        Again, InputError: The server is busy; it refuses or there is no such object or prefix.
    """
    bucket_name, name = bucket_and_name(address)
    with _errors(address.shown):
        bucket = _client().bucket(bucket_name)
        settings: dict[str, Any] = {"retry": None, "timeout": remote.TIMEOUT_SECONDS}
        blob = bucket.get_blob(name, **settings) if name and not name.endswith("/") else None
        if blob is not None:
            return Listing(folder=False, files={address.name: GcsFile(address.shown, blob)})
        prefix = name.rstrip("/") + "/" if name else ""
        below = {b.name: b for b in bucket.list_blobs(prefix=prefix, **settings)}
    return listing(
        address,
        prefix,
        {name: GcsFile(f"gs://{bucket_name}/{name}", below[name]) for name in below},
    )


def _client() -> Any:
    """Returns a client with the machine's credentials, or without any: buckets may be public."""
    try:
        return storage.Client(project=None)  # reading needs none
    except google.auth.exceptions.DefaultCredentialsError:
        if os.environ.get("GOOGLE_APPLICATION_CREDENTIALS"):
            raise  # credentials were meant
        return storage.Client.create_anonymous_client()


@contextmanager
def _errors(shown: str) -> Iterator[None]:
    try:
        yield
    except GoogleAPICallError as error:
        if error.code == PRECONDITION_FAILED:
            raise Changed from None
        seconds = asked_to_wait(getattr(error.response, "headers", {}).get("Retry-After"))
        refuse_status(shown, int(error.code or 0), REMEDY, seconds, error.message)
    except google.auth.exceptions.TransportError:
        raise Again("the sign-in server cannot be reached") from None
    except google.auth.exceptions.GoogleAuthError:
        raise InputError(f"{shown}: the credentials do not work: {REMEDY}") from None
    except (requests.RequestException, urllib3.exceptions.HTTPError):
        raise Again("the connection broke or there was none") from None


class GcsFile:
    """An object of Google Cloud Storage at one generation."""

    def __init__(self, shown: str, blob: Any) -> None:
        self.shown = shown
        self._blob = blob
        stated = {"md5": from_base64(blob.md5_hash or ""), "crc32c": from_base64(blob.crc32c or "")}
        self.facts = Facts(
            identity=str(blob.generation),
            size=int(blob.size),
            checksums={kind: value for kind, value in stated.items() if value},
            encoding=blob.content_encoding or "",
        )

    @contextmanager
    def open(self, offset: int) -> Iterator[tuple[int, Iterator[bytes]]]:
        """Gives the bytes from `offset`, as they are stored."""
        with _errors(self.shown):
            yield offset, self._ranges(offset)

    def _ranges(self, offset: int) -> Iterator[bytes]:
        for start in range(offset, int(self._blob.size), RANGE_BYTES):
            yield self._blob.download_as_bytes(
                start=start,
                end=min(start + RANGE_BYTES, int(self._blob.size)) - 1,
                raw_download=True,
                if_generation_match=self._blob.generation,
                checksum=None,  # of the whole object: checked when all of it is there
                retry=None,
                timeout=remote.TIMEOUT_SECONDS,
            )
