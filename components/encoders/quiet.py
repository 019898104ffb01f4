"""Loading Keras without the lines that TensorFlow's native code prints at start.

No environment variable silences them: they come before the log level is read.
"""

import os
import sys
import tempfile


def import_keras_quietly() -> None:
    """Imports Keras and its backend; what native code prints meanwhile shows only on failure."""
    sys.stderr.flush()
    standard_error = os.dup(2)
    with tempfile.TemporaryFile() as hidden:
        os.dup2(hidden.fileno(), 2)
        try:
            import keras  # noqa: F401
        except BaseException:
            hidden.seek(0)
            os.write(standard_error, hidden.read())
            raise
        finally:
            os.dup2(standard_error, 2)
            os.close(standard_error)
