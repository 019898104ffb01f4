"""Running KFP's subprocesses with this Python, wherever it and the data lie."""

import contextlib
import os
import shlex
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path


@contextlib.contextmanager
def python3_on_path() -> Iterator[None]:
    """Makes `python3` this interpreter, for KFP's runner and the steps it starts.

    The runner replaces the text `python3` by `sys.executable` in a shell script and in every path
    and parameter of a step, unquoted. An interpreter below a folder with a space in its name, or
    data in a folder called `python3-data`, would break. Named `python3`, the interpreter is
    replaced by itself.
    """
    executable, path = sys.executable, os.environ.get("PATH", os.defpath)
    with tempfile.TemporaryDirectory(prefix="bakeoff-") as folder:
        script = Path(folder) / "python3"
        script.write_text(f'#!/bin/sh\nexec {shlex.quote(executable)} "$@"\n', encoding="utf-8")
        script.chmod(0o755)
        os.environ["PATH"] = f"{folder}{os.pathsep}{path}"
        sys.executable = "python3"
        try:
            yield
        finally:
            sys.executable, os.environ["PATH"] = executable, path
