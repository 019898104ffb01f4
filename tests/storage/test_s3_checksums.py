"""Which of what S3 states about an object is a digest of its bytes."""

import base64
import hashlib
from typing import Any

import pytest

from components.storage import s3

MD5 = hashlib.md5(b"text").hexdigest()
SHA256 = hashlib.sha256(b"text")


@pytest.mark.parametrize(
    ("head", "expected"),
    [
        pytest.param({"ETag": f'"{MD5}"'}, {"md5": MD5}, id="etag"),
        pytest.param({"ETag": f'"{MD5}-3"'}, {}, id="etag-of-parts"),
        pytest.param({"ETag": f'"{MD5}"', "ServerSideEncryption": "aws:kms"}, {}, id="kms"),
        pytest.param({"ETag": f'"{MD5}"', "SSECustomerAlgorithm": "AES256"}, {}, id="own-key"),
        pytest.param({"ETag": f'"{MD5}"', "ServerSideEncryption": "AES256"}, {"md5": MD5}, id="s3"),
        pytest.param(
            {"ETag": '"x"', "ChecksumSHA256": base64.b64encode(SHA256.digest()).decode()},
            {"sha256": SHA256.hexdigest()}, id="sha256",
        ),
        pytest.param(
            {"ETag": '"x"', "ChecksumSHA256": "abcd-2", "ChecksumType": "COMPOSITE"}, {},
            id="sha256-of-parts",
        ),
    ],
)  # fmt: skip
def test_only_digests_of_the_whole_object_count(
    head: dict[str, Any], expected: dict[str, str]
) -> None:
    assert s3.checksums_of(head) == expected
