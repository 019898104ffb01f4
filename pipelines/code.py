"""The digest of the code that a local run executes: changed code is never served from a cache."""

import hashlib
import os
import platform
from collections.abc import Sequence
from importlib import metadata
from pathlib import Path

import components
import pipelines
from components.own_code import files_digest

COMPUTING_PACKAGES = (
    "jax", "keras", "matplotlib", "numpy", "pandas", "pyarrow", "safetensors", "scipy",
    "tensorflow", "tensorflow-cpu", "tokenizers", "torch",
)  # fmt: skip
COMPILING_PACKAGES = ("kfp", "kfp-kubernetes")


def code_digest(root: Path, packages: Sequence[str] = COMPUTING_PACKAGES) -> str:
    """Returns a SHA-256 over every Python file below `root` and over what runs them.

    That is the version of Python and of the packages that decide a result, and the Keras backend,
    whether it is chosen by environment variable or in Keras's own file.
    """
    digest = hashlib.sha256(files_digest(root).encode())
    digest.update(platform.python_version().encode())
    for name in packages:
        try:
            digest.update(f"{name}=={metadata.version(name)}\0".encode())
        except metadata.PackageNotFoundError:
            continue  # not every backend is installed
    digest.update(_keras_settings())
    return digest.hexdigest()


def _keras_settings() -> bytes:
    """Returns what chooses the Keras backend, without the seconds that importing Keras takes."""
    home = os.environ.get("KERAS_HOME") or Path.home() / ".keras"
    file = Path(home) / "keras.json"
    stored = file.read_bytes() if file.is_file() else b""
    return os.environ.get("KERAS_BACKEND", "").encode() + b"\0" + stored


def pipelines_digest() -> str:
    """Returns a SHA-256 over all that pipelines are compiled from: steps, wiring, and KFP."""
    digests = [
        code_digest(Path(file).parent, COMPILING_PACKAGES)
        for file in (components.__file__, pipelines.__file__)
    ]
    return hashlib.sha256("".join(digests).encode()).hexdigest()


def local_image() -> str:
    """Names the image of a local run: KFP's cache keys on it, so it carries the code's digest."""
    digest = code_digest(Path(components.__file__).parent)
    return f"encoder-bakeoff-python:local-{digest[:16]}"
