"""Writing to gs://: small files in one request, large ones in a session that can be resumed."""

import base64
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO, TypeVar

import requests
from google.api_core.exceptions import BadRequest, NotFound, from_http_response

from components.storage import gcs, remote
from components.storage.address import Address
from components.storage.buckets import bucket_and_name, prefix_of
from components.storage.progress import Moved
from components.storage.record import digests
from components.storage.remote import WRITING, Again, patiently
from components.storage.sending import (
    Damaged,
    content_type,
    sending_patience,
    undamaged,
)  # fmt: skip
from components.storage.together import Together

RESUME_INCOMPLETE = 308
LOST = (404, 410)  # the server knows the session no more
CHUNK_BYTES = 64 << 20  # of one request of a session, read from the disk as it goes
SMALL_BYTES = 1 << 20  # sent in one piece, for which the library allows no more than the timeout
GRANULE_BYTES = 256 << 10  # the server keeps whole ones of an unfinished upload

T = TypeVar("T")
Answer = dict[str, Any] | int | None  # the finished object, the bytes that are there, or not known


class GcsDestination:
    """An address in a bucket of Google Cloud Storage."""

    def __init__(self, address: Address) -> None:
        bucket, name = bucket_and_name(address)
        self._shown, self._name = address.shown.rstrip("/"), name.rstrip("/")
        self._prefix = prefix_of(name)
        with gcs.errors(address.shown, WRITING):
            self._bucket = gcs.client().bucket(bucket)

    def at(self) -> bool:
        """Says whether an object lies at the address itself."""
        return bool(self._name) and self._ask(lambda: self._blob("").exists(**gcs.settings()))

    def below(self) -> dict[str, str]:
        """Returns the names below and their CRC32C.

        Not their generation: a request that was given up may still arrive and make a new one.
        """
        found = self._ask(
            lambda: list(self._bucket.list_blobs(prefix=self._prefix, **gcs.settings()))
        )
        return {
            blob.name.removeprefix(self._prefix): str(blob.crc32c)
            for blob in found
            if not blob.name.endswith("/")
        }

    def remove(self, name: str) -> None:
        """Removes an object, if it is there."""

        def delete() -> None:
            with suppress(NotFound):
                self._blob(name).delete(**gcs.settings())

        self._ask(delete)

    def probe(self, *, removing: bool) -> None:
        """Opens a session for an object and leaves it; removes an object that is not there."""
        name = f"write-probe-{os.urandom(8).hex()}"
        session = self._ask(lambda: _Session(self._blob(name), 0))
        with suppress(requests.RequestException):  # it would end by itself, and holds nothing
            session.cancel()
        if removing:
            self.remove(name)

    def send(self, path: Path, name: str, together: Together) -> str:
        """Writes a file; returns its CRC32C."""
        return undamaged(self._of(name), lambda: self._send(path, name, together))

    def _send(self, path: Path, name: str, together: Together) -> str:
        blob, size = self._blob(name), path.stat().st_size
        # Stated beforehand: the server then refuses other bytes before anyone can read them.
        stated = base64.b64encode(bytes.fromhex(digests(path, {"crc32c"})["crc32c"])).decode()
        blob.crc32c = stated
        if size <= SMALL_BYTES:
            content = path.read_bytes()
            arrived = self._ask(lambda: _upload(blob, content), name, together)
            together.moved(size)
        else:
            arrived = str(self._send_in_session(path, blob, name, together).get("crc32c"))
        if arrived != stated:
            together.moved(-size)
            raise Damaged(f"arrived with CRC32C {arrived} where {stated} was sent")
        return stated

    def _send_in_session(
        self, path: Path, blob: Any, name: str, together: Together
    ) -> dict[str, Any]:
        """Sends a file in chunks; what the server has of it is not sent again."""
        size, counted = path.stat().st_size, 0
        patience = sending_patience(self._of(name), together)
        session: _Session | None = None
        answer: Answer = 0

        def count(more: int) -> None:
            nonlocal counted
            counted += more
            together.moved(more)

        with path.open("rb") as stream:
            while not isinstance(answer, dict):
                try:
                    with gcs.errors(self._of(name), WRITING):
                        if session is None:
                            session, answer = _Session(blob, size), 0
                        begun = answer
                        answer = session.next(stream, answer, count)
                    if begun is not None:  # a chunk went over
                        patience.succeeded()
                except Damaged:
                    count(-counted)
                    raise
                except _SessionLost:
                    session, answer = None, 0
                    patience.wait(Again("the server forgot the upload"))
                except Again as error:
                    answer = None
                    patience.wait(error)
                if answer is not None:
                    count((size if isinstance(answer, dict) else answer) - counted)
        return answer

    def _blob(self, name: str) -> Any:
        return self._bucket.blob(self._prefix + name if name else self._name)

    def _of(self, name: str) -> str:
        return f"{self._shown}/{name}" if name else self._shown

    def _ask(self, action: Callable[[], T], name: str = "", together: Together | None = None) -> T:
        def once() -> T:
            with gcs.errors(self._of(name), WRITING):
                return action()

        return patiently(self._of(name), once, sending_patience(self._of(name), together))


@contextmanager
def _mismatch_told() -> Iterator[None]:
    """Tells the refusal of bytes whose checksum is not the stated one."""
    try:
        yield
    except BadRequest as error:
        if "CRC32C" in str(error):
            raise Damaged("other bytes arrived than were sent, says the server") from None
        raise


def _upload(blob: Any, content: bytes) -> str:
    with _mismatch_told():
        blob.upload_from_string(
            content, content_type=content_type(blob.name), checksum=None, **gcs.settings()
        )
    return str(blob.crc32c)  # as the answer states it


class _SessionLost(Exception):
    """The server knows the session no more."""


class _Chunk:
    """The next bytes of a file, sent block by block: the timeout counts from one to the next."""

    def __init__(self, stream: BinaryIO, length: int, count: Moved) -> None:
        self._stream, self._count = stream, count
        self._length = self._left = length

    def __len__(self) -> int:
        return self._length

    def read(self, size: int = -1) -> bytes:
        """Returns at most `size` bytes, none at the end."""
        block = self._stream.read(self._left if size < 0 else min(size, self._left))
        self._left -= len(block)
        self._count(len(block))
        return block


class _Session:
    """A resumable upload; its address is a key to the bucket and is never shown.

    https://cloud.google.com/storage/docs/performing-resumable-uploads
    """

    def __init__(self, blob: Any, size: int) -> None:
        self._size, self._http = size, requests.Session()
        self._url = blob.create_resumable_upload_session(
            content_type=content_type(blob.name), size=size, checksum=None, **gcs.settings()
        )

    def next(self, stream: BinaryIO, done: int | None, count: Moved) -> Answer:
        """Sends the next chunk, or asks how many bytes are there when `done` is not known."""
        if done is None:
            return self._put(None, f"bytes */{self._size}")
        end = min(done + CHUNK_BYTES, self._size)
        stream.seek(done)
        chunk = _Chunk(stream, end - done, count)
        answer = self._put(chunk, f"bytes {done}-{end - 1}/{self._size}")
        if isinstance(answer, int) and answer <= done:
            raise Again("the server took nothing of what was sent")
        return answer

    def _put(self, chunk: "_Chunk | None", content_range: str) -> Answer:
        response = self._http.put(
            self._url,
            data=chunk,
            headers={"Content-Range": content_range},
            timeout=remote.TIMEOUT_SECONDS,
        )
        if response.status_code == RESUME_INCOMPLETE:
            there = int(response.headers.get("Range", "bytes=0--1").rpartition("=0-")[2]) + 1
            return there - there % GRANULE_BYTES
        if response.status_code in LOST:
            raise _SessionLost
        if not response.ok:
            with _mismatch_told():
                raise from_http_response(response)
        found: dict[str, Any] = response.json()
        return found

    def cancel(self) -> None:
        """Ends the session with no object made."""
        self._http.delete(self._url, timeout=remote.TIMEOUT_SECONDS)
