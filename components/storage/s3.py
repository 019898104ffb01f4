"""s3:// objects and prefixes."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import boto3
import urllib3
from botocore import UNSIGNED
from botocore.config import Config
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    HTTPClientError,
    IncompleteReadError,
    NoCredentialsError,
    PartialCredentialsError,
    ProfileNotFound,
    ResponseStreamingError,
)  # fmt: skip
from botocore.exceptions import (
    ConnectionError as NoConnectionError,
)

from components.errors import InputError
from components.storage import remote
from components.storage.address import Address
from components.storage.buckets import bucket_and_name, listing
from components.storage.record import CHUNK_BYTES, from_base64
from components.storage.remote import Again, Changed, Facts, Listing, asked_to_wait, refuse_status

REMEDY = "run `aws configure`, or set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
NOT_FOUND, PRECONDITION_FAILED = 404, 412
CHECKSUMS = {"ChecksumSHA256": "sha256", "ChecksumSHA1": "sha1", "ChecksumCRC32C": "crc32c"}


def find(address: Address) -> Listing:
    """Asks for the object, or for what lies below it as a prefix.

    Raises:
        Again, InputError: The server is busy; it refuses or there is no such object or prefix.
    """
    bucket, key = bucket_and_name(address)
    with _errors(address.shown):
        client = _client()
        if key and not key.endswith("/") and (found := _file(client, bucket, key)):
            return Listing(folder=False, files={address.name: found})
        prefix = key.rstrip("/") + "/" if key else ""
        pages = client.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
        keys = [entry["Key"] for page in pages for entry in page.get("Contents", [])]
        files = {name: _file(client, bucket, name) for name in keys if not name.endswith("/")}
    return listing(address, prefix, {name: file for name, file in files.items() if file})


def _client() -> Any:
    """Returns a client with the machine's credentials, or without any: buckets may be public."""
    session = boto3.Session()
    signed: dict[str, Any] = {} if session.get_credentials() else {"signature_version": UNSIGNED}
    config = Config(
        retries={"total_max_attempts": 1},
        connect_timeout=remote.TIMEOUT_SECONDS,
        read_timeout=remote.TIMEOUT_SECONDS,
        **signed,
    )
    # A bucket's region is found by the answer to the first request; any region will do to ask.
    return session.client("s3", config=config, region_name=session.region_name or "us-east-1")


@contextmanager
def _errors(shown: str) -> Iterator[None]:
    try:
        yield
    except ClientError as error:
        answer = error.response["ResponseMetadata"]
        status = int(answer["HTTPStatusCode"])
        if status == PRECONDITION_FAILED:
            raise Changed from None
        seconds = asked_to_wait(answer["HTTPHeaders"].get("retry-after"))
        refuse_status(shown, status, REMEDY, seconds, error.response["Error"]["Message"])
    except (NoConnectionError, HTTPClientError, IncompleteReadError, ResponseStreamingError):
        raise Again("the connection broke or there was none") from None
    except urllib3.exceptions.HTTPError:
        raise Again("the connection broke") from None
    except (NoCredentialsError, PartialCredentialsError, ProfileNotFound) as error:
        raise InputError(f"{shown}: {error}: {REMEDY}") from None
    except BotoCoreError as error:
        raise InputError(f"{shown} cannot be read: {error}") from None


def _file(client: Any, bucket: str, key: str) -> "S3File | None":
    try:
        head = client.head_object(Bucket=bucket, Key=key, ChecksumMode="ENABLED")
    except ClientError as error:
        if error.response["ResponseMetadata"]["HTTPStatusCode"] == NOT_FOUND:
            return None
        raise
    return S3File(client, bucket, key, head)


class S3File:
    """An object of S3 with one ETag."""

    def __init__(self, client: Any, bucket: str, key: str, head: dict[str, Any]) -> None:
        self.shown = f"s3://{bucket}/{key}"
        self._client, self._wanted = client, {"Bucket": bucket, "Key": key}
        self.facts = Facts(
            identity=head["ETag"],
            size=head["ContentLength"],
            checksums=_checksums(head),
            encoding=head.get("ContentEncoding", "").removeprefix("aws-chunked").strip(","),
        )

    @contextmanager
    def open(self, offset: int) -> Iterator[tuple[int, Iterator[bytes]]]:
        """Gives the bytes from `offset`."""
        with _errors(self.shown):
            wanted = self._wanted | {"IfMatch": self.facts.identity}
            if offset:
                wanted["Range"] = f"bytes={offset}-"
            body = self._client.get_object(**wanted)["Body"]
            try:
                yield offset, body.iter_chunks(CHUNK_BYTES)
            finally:
                body.close()


def _checksums(head: dict[str, Any]) -> dict[str, str]:
    """Reads the stated checksums that are of the whole object.

    An ETag is the MD5 unless the object came in parts (it then ends in their number) or is
    encrypted with a key of KMS or the customer.
    """
    found = {}
    if head.get("ChecksumType", "FULL_OBJECT") == "FULL_OBJECT":
        stated = {kind: from_base64(head.get(field, "")) for field, kind in CHECKSUMS.items()}
        found = {kind: value for kind, value in stated.items() if value}
    own_key = head.get("SSECustomerAlgorithm") or "kms" in head.get("ServerSideEncryption", "")
    etag = head["ETag"].strip('"')
    if not own_key and re.fullmatch("[0-9a-f]{32}", etag):
        found["md5"] = etag
    return found
