"""Writing to s3://: small files in one request, large ones in parts, several at a time."""

import base64
import hashlib
import os
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from io import BytesIO
from pathlib import Path
from typing import Any, TypeVar

from botocore.exceptions import BotoCoreError, ClientError

from components.errors import InputError
from components.storage import s3
from components.storage.address import Address
from components.storage.buckets import bucket_and_name, prefix_of
from components.storage.record import digests
from components.storage.remote import WRITING, patiently
from components.storage.sending import (
    PART_BYTES,
    Damaged,
    content_type,
    sending_patience,
    undamaged,
)  # fmt: skip
from components.storage.together import Together

MOST_PARTS = 10_000
PARTS_AT_ONCE = 4  # of one file
REFUSED_DIGESTS = ("BadDigest", "InvalidDigest", "XAmzContentChecksumMismatch")
UPLOAD_LOST = "NoSuchUpload"

T = TypeVar("T")


class S3Destination:
    """An address in a bucket of S3."""

    def __init__(self, address: Address) -> None:
        self._bucket, name = bucket_and_name(address)
        self._shown, self._name = address.shown.rstrip("/"), name.rstrip("/")
        self._prefix = prefix_of(name)
        with s3.errors(address.shown, WRITING):
            self._client = s3.client()

    def at(self) -> bool:
        """Says whether an object lies at the address itself."""

        def asked() -> bool:
            try:
                self._client.head_object(**self._object(""))
            except ClientError as error:
                if error.response["ResponseMetadata"]["HTTPStatusCode"] == s3.NOT_FOUND:
                    return False
                raise
            return True

        return bool(self._name) and self._ask(asked)

    def below(self) -> dict[str, str]:
        """Returns the names below and their ETags, which are made of their content."""
        found = self._ask(lambda: s3.below(self._client, self._bucket, self._prefix))
        return {key.removeprefix(self._prefix): _plain(etag) for key, etag in found.items()}

    def remove(self, name: str) -> None:
        """Removes an object, if it is there."""
        self._ask(lambda: self._client.delete_object(**self._object(name)))

    def probe(self, *, removing: bool) -> None:
        """Begins an upload in parts and drops it; removes an object that is not there."""
        there = self._object(f"write-probe-{os.urandom(8).hex()}")
        begun = self._ask(lambda: self._client.create_multipart_upload(**there))
        self._abort(there | {"UploadId": begun["UploadId"]})
        if removing:
            removed = self._ask(lambda: self._client.delete_object(**there))
            if "VersionId" in removed:  # of the mark that a bucket with versions keeps
                with suppress(BotoCoreError, ClientError):
                    self._client.delete_object(**there, VersionId=removed["VersionId"])

    def send(self, path: Path, name: str, together: Together) -> str:
        """Writes a file; returns the ETag of the object."""
        how = self._object(name) | {
            "ContentType": content_type(name or self._name),
            "Metadata": {s3.CHECKSUM_OF_OURS: digests(path, {"sha256"})["sha256"]},
        }
        in_parts = path.stat().st_size > PART_BYTES
        send = self._send_in_parts if in_parts else self._send_whole
        return undamaged(self._of(name), lambda: send(path, name, how, together))

    def _send_whole(self, path: Path, name: str, how: dict[str, Any], together: Together) -> str:
        content = path.read_bytes()
        md5 = _md5(content)
        answer = self._ask(
            lambda: self._client.put_object(**how, Body=BytesIO(content), ContentMD5=_base64(md5)),
            name, together,
        )  # fmt: skip
        try:
            _check(answer, md5)
        except Damaged:
            with suppress(InputError):
                self.remove(name)  # of a server that does not compare
            raise
        together.moved(len(content))
        return _plain(answer["ETag"])

    def _send_in_parts(self, path: Path, name: str, how: dict[str, Any], together: Together) -> str:
        target = self._object(name)
        begun = self._ask(lambda: self._client.create_multipart_upload(**how), name, together)
        upload = target | {"UploadId": begun["UploadId"]}
        try:
            md5s = self._send_parts(path, name, upload, together)
            return self._complete(name, how, upload, md5s, together)
        except BaseException:
            self._abort(upload)
            raise

    def _send_parts(
        self, path: Path, name: str, upload: dict[str, Any], together: Together
    ) -> list[tuple[str, str]]:
        """Sends all parts; returns the MD5 and the ETag of each."""
        size = path.stat().st_size
        part_bytes = max(PART_BYTES, -(-size // MOST_PARTS))

        def send(number: int) -> tuple[str, str]:
            with path.open("rb") as stream:
                stream.seek((number - 1) * part_bytes)
                content = stream.read(part_bytes)
            md5 = _md5(content)
            part = upload | {"PartNumber": number, "ContentMD5": _base64(md5)}

            def once() -> str:
                answer = self._ask(
                    lambda: self._client.upload_part(**part, Body=BytesIO(content)), name, together
                )
                _check(answer, md5)
                return str(answer["ETag"])

            etag = undamaged(f"part {number} of {self._of(name)}", once)
            together.moved(len(content))
            return md5, etag

        found: dict[int, tuple[str, str]] = {}
        numbers = range(1, -(-size // part_bytes) + 1)
        together.run(send, numbers, found.__setitem__, PARTS_AT_ONCE)
        return [found[number] for number in numbers]

    def _complete(
        self, name: str, how: dict[str, Any], upload: dict[str, Any],
        parts: list[tuple[str, str]], together: Together,
    ) -> str:  # fmt: skip
        """Makes the parts an object; if the answer was lost, finds out whether it is one."""
        listed = [{"PartNumber": n, "ETag": etag} for n, (_, etag) in enumerate(parts, start=1)]

        def complete() -> dict[str, Any]:
            try:
                answer = self._client.complete_multipart_upload(
                    **upload, MultipartUpload={"Parts": listed}
                )
            except ClientError as error:
                if error.response["Error"]["Code"] != UPLOAD_LOST:
                    raise
                answer = self._client.head_object(**self._object(name))
                if answer["Metadata"] != how["Metadata"]:
                    raise
            return dict(answer)

        etag = _plain(self._ask(complete, name, together)["ETag"])
        of_parts = _md5(b"".join(bytes.fromhex(md5) for md5, _ in parts)) + f"-{len(parts)}"
        md5s_are_etags = all(_plain(part_etag) == md5 for md5, part_etag in parts)
        if md5s_are_etags and re.fullmatch(r"[0-9a-f]{32}-\d+", etag) and etag != of_parts:
            raise Damaged(f"arrived with ETag {etag} where {of_parts} was sent")
        return etag

    def _abort(self, upload: dict[str, Any]) -> None:
        """Drops an unfinished upload; what cannot be dropped is seen by nobody."""
        with suppress(BotoCoreError, ClientError):
            self._client.abort_multipart_upload(**upload)

    def _object(self, name: str) -> dict[str, Any]:
        return {"Bucket": self._bucket, "Key": self._prefix + name if name else self._name}

    def _of(self, name: str) -> str:
        return f"{self._shown}/{name}" if name else self._shown

    def _ask(self, action: Callable[[], T], name: str = "", together: Together | None = None) -> T:
        def once() -> T:
            with s3.errors(self._of(name), WRITING), _mismatch_told():
                return action()

        return patiently(self._of(name), once, sending_patience(self._of(name), together))


@contextmanager
def _mismatch_told() -> Iterator[None]:
    """Tells the refusal of bytes whose checksum is not the stated one, and lost uploads."""
    try:
        yield
    except ClientError as error:
        code = error.response["Error"]["Code"]
        if code in REFUSED_DIGESTS:
            raise Damaged("other bytes arrived than were sent, says the server") from None
        if code == UPLOAD_LOST:
            raise Damaged("the server forgot the upload") from None
        raise


def _check(answer: dict[str, Any], md5: str) -> None:
    """Compares the MD5 that was sent with the one that arrived, where the answer states it."""
    stated = s3.checksums_of(answer).get("md5", md5)
    if stated != md5:
        raise Damaged(f"arrived with MD5 {stated} where {md5} was sent")


def _md5(content: bytes) -> str:
    return hashlib.md5(content, usedforsecurity=False).hexdigest()


def _base64(hexadecimal: str) -> str:
    return base64.b64encode(bytes.fromhex(hexadecimal)).decode()


def _plain(etag: str) -> str:
    return etag.strip('"')
