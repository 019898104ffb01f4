"""A model argument that carries its checkpoint's digest along, as an item of a list can."""

import re

WITH_DIGEST = re.compile(r"(?P<argument>.*) sha256:(?P<digest>[0-9a-f]{64})")


def with_digest(argument: str, digest: str) -> str:
    """Returns `ARGUMENT sha256:DIGEST`, the argument alone where there is no digest."""
    return f"{argument} sha256:{digest}" if digest else argument


def split_digest(text: str) -> tuple[str, str]:
    """Returns the model argument and the digest of a text; the digest may be empty."""
    found = WITH_DIGEST.fullmatch(text)
    return (found["argument"], found["digest"]) if found else (text, "")
