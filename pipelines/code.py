"""The digest of the code that a local run executes: changed code is never served from a cache."""

import hashlib
import os
from importlib import metadata
from pathlib import Path

import components

COMPUTING_PACKAGES = ("keras", "numpy", "pyarrow", "scipy", "tensorflow", "tensorflow-cpu", "jax",
                      "torch", "tokenizers")  # fmt: skip


def code_digest() -> str:
    """Returns a SHA-256 over every source file of `components`, and what computes with it.

    That is the versions of the packages that decide a result, and the Keras backend.
    """
    digest = hashlib.sha256()
    root = Path(components.__file__).parent
    for path in sorted(root.rglob("*.py")):
        digest.update(f"{path.relative_to(root)}\0".encode())
        digest.update(path.read_bytes())
    for name in COMPUTING_PACKAGES:
        try:
            digest.update(f"{name}=={metadata.version(name)}\0".encode())
        except metadata.PackageNotFoundError:
            continue  # not every backend is installed
    digest.update(os.environ.get("KERAS_BACKEND", "").encode())
    return digest.hexdigest()


def local_image() -> str:
    """Names the image of a local run: KFP's cache keys on it, so it carries the code's digest."""
    return f"encoder-bakeoff-python:local-{code_digest()[:16]}"
