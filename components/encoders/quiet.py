"""Loading Keras and TensorFlow without the lines that native code prints at start.

No environment variable silences them: they come before the log level is read.
"""

import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

from components.errors import InputError


@contextmanager
def native_output_hidden() -> Iterator[None]:
    """Hides what is written to standard error meanwhile; it shows only on failure."""
    sys.stderr.flush()
    standard_error = os.dup(2)
    with tempfile.TemporaryFile() as hidden:
        os.dup2(hidden.fileno(), 2)
        try:
            yield
        except BaseException:
            hidden.seek(0)
            os.write(standard_error, hidden.read())
            raise
        finally:
            os.dup2(standard_error, 2)
            os.close(standard_error)


def import_keras_quietly(backend: str = "") -> None:
    """Imports Keras and its backend: the one that is named, else KERAS_BACKEND, else TensorFlow.

    Raises:
        InputError: The backend is not installed, or Keras runs on another one already.
    """
    if backend:
        os.environ["KERAS_BACKEND"] = backend
    try:
        with native_output_hidden():
            import keras
    except ImportError as error:
        raise InputError(
            f"the backend {os.environ.get('KERAS_BACKEND')!r} needs {error.name}, which is not "
            "installed: pip install 'encoder-bakeoff[jax]' or [torch], or choose tensorflow"
        ) from None
    if backend and keras.backend.backend() != backend:
        raise InputError(
            f"backend is {backend!r}, but Keras computes with {keras.backend.backend()} in this "
            "process already; leave it empty, or start a new process"
        )
