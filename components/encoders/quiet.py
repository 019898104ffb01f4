"""Loading Keras and TensorFlow without the lines that native code prints at start.

No environment variable silences them: they come before the log level is read.
"""

import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager


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


def import_keras_quietly() -> None:
    """Imports Keras and its backend."""
    with native_output_hidden():
        import keras  # noqa: F401
