"""s3:// objects and prefixes."""

import re
from collections.abc import Collection, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import cache
from typing import Any

import boto3
import botocore.loaders
import botocore.session
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
from botocore.parsers import ResponseParserError

from components.errors import InputError
from components.storage import remote
from components.storage.address import Address
from components.storage.buckets import bucket_and_name, listing, prefix_of
from components.storage.record import CHUNK_BYTES, from_base64
from components.storage.remote import (
    READING,
    Again,
    Changed,
    Facts,
    Listing,
    asked_to_wait,
    patiently,
    refuse_status,
)  # fmt: skip
from components.storage.together import WORKERS

REMEDY = "run `aws configure`, or set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
NOT_FOUND, PRECONDITION_FAILED = 404, 412
PASSING = ("RequestTimeout", "OperationAborted")  # statuses 400 and 409, which mostly are errors
CHECKSUM_OF_OURS = "bakeoff-sha256"  # in the metadata: an ETag of parts is no digest of the object
CHECKSUMS = {"ChecksumSHA256": "sha256", "ChecksumSHA1": "sha1", "ChecksumCRC32C": "crc32c"}


def find(address: Address) -> Listing:
    """Asks for the object, or for what lies below it as a prefix.

    Raises:
        Again, InputError: The server is busy; it refuses or there is no such object or prefix.
    """
    bucket, key = bucket_and_name(address)
    with errors(address.shown):
        asking = client()
    if key and not key.endswith("/") and (found := _file(asking, bucket, key)):
        return Listing(folder=False, files={address.name: found})
    prefix = prefix_of(key)
    with errors(address.shown):
        keys = below(asking, bucket, prefix)

    def asked(name: str) -> "S3File | None":
        return patiently(f"s3://{bucket}/{name}", lambda: _file(asking, bucket, name))

    with ThreadPoolExecutor(WORKERS) as pool:
        files = dict(zip(keys, pool.map(asked, keys), strict=True))
    return listing(address, prefix, {name: file for name, file in files.items() if file})


def below(asking: Any, bucket: str, prefix: str) -> dict[str, str]:
    """Returns the ETags of all objects with the prefix, but those that only mark folders."""
    pages = asking.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
    entries = [entry for page in pages for entry in page.get("Contents", [])]
    return {entry["Key"]: entry["ETag"] for entry in entries if not entry["Key"].endswith("/")}


def client() -> Any:
    """Returns a client with the machine's credentials, or without any: buckets may be public."""
    of_botocore = botocore.session.get_session()
    of_botocore.register_component("data_loader", _loader())
    session = boto3.Session(botocore_session=of_botocore)
    signed: dict[str, Any] = {} if session.get_credentials() else {"signature_version": UNSIGNED}
    config = Config(
        retries={"total_max_attempts": 1},
        connect_timeout=remote.TIMEOUT_SECONDS,
        read_timeout=remote.TIMEOUT_SECONDS,
        max_pool_connections=4 * WORKERS,
        # Other servers than Amazon's do not all know its newer checksums: we send Content-MD5.
        request_checksum_calculation="when_required",
        **signed,
    )
    # A bucket's region is found by the answer to the first request; any region will do to ask.
    return session.client("s3", config=config, region_name=session.region_name or "us-east-1")


@cache
def _loader() -> Any:
    """Returns what has read the service's description, most of the time that a client takes."""
    return botocore.loaders.create_loader()


@contextmanager
def errors(
    shown: str,
    refusals: Mapping[int, str] = READING,
    changed: Collection[int] = (PRECONDITION_FAILED,),
) -> Iterator[None]:
    """Tells the library's errors in our words; the statuses in `changed` are of another version."""
    try:
        yield
    except ClientError as error:
        answer = error.response["ResponseMetadata"]
        status = int(answer["HTTPStatusCode"])
        if status in changed:
            raise Changed from None
        if error.response["Error"]["Code"] in PASSING:
            raise Again(f"the server answers {error.response['Error']['Code']}") from None
        seconds = asked_to_wait(answer["HTTPHeaders"].get("retry-after"))
        said = error.response["Error"].get("Message", "no reason is given")
        refuse_status(shown, status, REMEDY, seconds, said, refusals)
    except (
        NoConnectionError, HTTPClientError, IncompleteReadError, ResponseStreamingError,
        ResponseParserError,
    ):  # fmt: skip
        raise Again("the connection broke or there was none") from None
    except urllib3.exceptions.HTTPError:
        raise Again("the connection broke") from None
    except (NoCredentialsError, PartialCredentialsError, ProfileNotFound) as error:
        raise InputError(f"{shown}: {error}: {REMEDY}") from None
    except BotoCoreError as error:
        raise InputError(f"{shown}: {error}") from None


def _file(asking: Any, bucket: str, key: str) -> "S3File | None":
    with errors(f"s3://{bucket}/{key}"):
        try:
            head = asking.head_object(Bucket=bucket, Key=key, ChecksumMode="ENABLED")
        except ClientError as error:
            if error.response["ResponseMetadata"]["HTTPStatusCode"] == NOT_FOUND:
                return None
            raise
    return S3File(asking, bucket, key, head)


class S3File:
    """An object of S3 with one ETag."""

    def __init__(self, asking: Any, bucket: str, key: str, head: dict[str, Any]) -> None:
        self.shown = f"s3://{bucket}/{key}"
        self._client, self._wanted = asking, {"Bucket": bucket, "Key": key}
        self.facts = Facts(
            identity=head["ETag"],
            size=head["ContentLength"],
            checksums=checksums_of(head),
            encoding=head.get("ContentEncoding", "").removeprefix("aws-chunked").strip(","),
        )

    @contextmanager
    def open(self, offset: int) -> Iterator[tuple[int, Iterator[bytes]]]:
        """Gives the bytes from `offset`."""
        with errors(self.shown, changed=(NOT_FOUND, PRECONDITION_FAILED)):  # it was there just now
            wanted = self._wanted | {"IfMatch": self.facts.identity}
            if offset:
                wanted["Range"] = f"bytes={offset}-"
            body = self._client.get_object(**wanted)["Body"]
            try:
                yield offset, body.iter_chunks(CHUNK_BYTES)
            finally:
                body.close()


def checksums_of(head: dict[str, Any]) -> dict[str, str]:
    """Reads the stated checksums that are of the whole object.

    An ETag is the MD5 unless the object came in parts (it then ends in their number) or is
    encrypted with a key of KMS or the customer.
    """
    found = {}
    if head.get("ChecksumType", "FULL_OBJECT") == "FULL_OBJECT":
        stated = {kind: from_base64(head.get(field, "")) for field, kind in CHECKSUMS.items()}
        found = {kind: value for kind, value in stated.items() if value}
    own_key = head.get("SSECustomerAlgorithm") or "kms" in head.get("ServerSideEncryption", "")
    if re.fullmatch("[0-9a-f]{64}", ours := head.get("Metadata", {}).get(CHECKSUM_OF_OURS, "")):
        found["sha256"] = ours
    etag = head["ETag"].strip('"')
    if not own_key and re.fullmatch("[0-9a-f]{32}", etag):
        found["md5"] = etag
    return found
