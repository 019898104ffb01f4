"""gs:// objects and prefixes."""

import os
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from http import HTTPStatus
from typing import Any

import google.auth.exceptions
import requests
import urllib3
from google.api_core.exceptions import GoogleAPICallError
from google.cloud import storage

from components.errors import InputError
from components.storage import remote
from components.storage.address import Address
from components.storage.buckets import bucket_and_name, listing, prefix_of
from components.storage.record import from_base64
from components.storage.remote import (
    READING,
    Again,
    Changed,
    Facts,
    Listing,
    asked_to_wait,
    refuse_status,
)  # fmt: skip

REMEDY = (
    "run `gcloud auth application-default login`, or name a service account's key file in "
    "GOOGLE_APPLICATION_CREDENTIALS"
)
NOT_FOUND, PRECONDITION_FAILED = 404, 412
RANGE_BYTES = 16 << 20  # of one request; the library gives whole answers


def find(address: Address) -> Listing:
    """Asks for the object, or for what lies below it as a prefix.

    Raises:
        Again, InputError: The server is busy; it refuses or there is no such object or prefix.
    """
    bucket_name, name = bucket_and_name(address)
    with errors(address.shown):
        bucket = client().bucket(bucket_name)
        blob = bucket.get_blob(name, **settings()) if name and not name.endswith("/") else None
        if blob is not None:
            return Listing(folder=False, files={address.name: GcsFile(address.shown, blob)})
        prefix = prefix_of(name)
        below = {b.name: b for b in bucket.list_blobs(prefix=prefix, **settings())}
    return listing(
        address,
        prefix,
        {name: GcsFile(f"gs://{bucket_name}/{name}", below[name]) for name in below},
    )


def settings() -> dict[str, Any]:
    """Returns the arguments of every request: we retry ourselves."""
    return {"retry": None, "timeout": remote.TIMEOUT_SECONDS}


def client() -> Any:
    """Returns a client with the machine's credentials, or without any: buckets may be public."""
    # Else a thread of each client asks for the bucket too, for traces that nobody reads.
    os.environ.setdefault("DISABLE_GCS_PYTHON_CLIENT_OTEL_BUCKET_METADATA", "true")
    try:
        return storage.Client(project=None)  # objects need none
    except google.auth.exceptions.DefaultCredentialsError:
        if os.environ.get("GOOGLE_APPLICATION_CREDENTIALS"):
            raise  # credentials were meant
        return storage.Client.create_anonymous_client()


@contextmanager
def errors(
    shown: str,
    refusals: Mapping[int, str] = READING,
    changed: Collection[int] = (PRECONDITION_FAILED,),
) -> Iterator[None]:
    """Tells the library's errors in our words; the statuses in `changed` are of another version."""
    try:
        yield
    except GoogleAPICallError as error:
        if error.code in changed:
            raise Changed from None
        seconds = asked_to_wait(getattr(error.response, "headers", {}).get("Retry-After"))
        refuse_status(shown, int(error.code or 0), REMEDY, seconds, _said(error), refusals)
    except google.auth.exceptions.TransportError:
        raise Again("the sign-in server cannot be reached") from None
    except google.auth.exceptions.GoogleAuthError:
        raise InputError(f"{shown}: the credentials do not work: {REMEDY}") from None
    except (requests.RequestException, urllib3.exceptions.HTTPError):
        raise Again("the connection broke or there was none") from None


def _said(error: GoogleAPICallError) -> str:
    """Returns what the server says, without the request that the library puts before it."""
    try:
        return str(error.response.json()["error"]["message"])
    except (AttributeError, KeyError, TypeError, ValueError):
        return str(HTTPStatus(error.code).phrase) if error.code else "no reason is given"


class GcsFile:
    """An object of Google Cloud Storage at one generation."""

    def __init__(self, shown: str, blob: Any) -> None:
        self.shown, self._size = shown, int(blob.size)
        self._bucket, self._name, self._generation = blob.bucket, blob.name, blob.generation
        stated = {"md5": from_base64(blob.md5_hash or ""), "crc32c": from_base64(blob.crc32c or "")}
        self.facts = Facts(
            identity=str(blob.generation),
            size=self._size,
            checksums={kind: value for kind, value in stated.items() if value},
            encoding=blob.content_encoding or "",
        )

    @contextmanager
    def open(self, offset: int) -> Iterator[tuple[int, Iterator[bytes]]]:
        """Gives the bytes from `offset`, as they are stored."""
        with errors(self.shown, changed=(NOT_FOUND, PRECONDITION_FAILED)):  # it was there just now
            yield offset, self._ranges(offset)

    def _ranges(self, offset: int) -> Iterator[bytes]:
        for start in range(offset, self._size, RANGE_BYTES):
            # A new one each time: the listed one's link names the host that the object's writer
            # used, and one that was read from takes over whatever the answer says.
            blob = self._bucket.blob(self._name, generation=self._generation)
            yield blob.download_as_bytes(
                start=start,
                end=min(start + RANGE_BYTES, self._size) - 1,
                raw_download=True,
                if_generation_match=self._generation,
                checksum=None,  # of the whole object: checked when all of it is there
                **settings(),
            )
