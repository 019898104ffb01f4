"""What a local run shows: the steps' own lines, without what KFP's runner writes around them."""

import contextlib
import io
import logging
import re
from collections.abc import Iterator, Sequence
from typing import TextIO

from components.errors import EnvironmentTrouble, InputError
from components.train.stopping import SAID

COLOR = re.compile(r"\x1b\[\d+m")
RUNNER_LINE = re.compile(r"\d\d:\d\d:\d\d\.\d{3} - (?:INFO|ERROR) - (?P<message>.*)")
STARTED = re.compile(r"Executing task '(?P<task>[^']+)'")
REUSED = re.compile(r"Task '?(?P<task>[^' ]+)'? cache hit")
EXECUTOR = "[KFP Executor "
STEP_INDENT = " " * 4
REUSED_NOTE = ": reused, nothing changed"
SHOWN_STEP = re.compile(rf"(?P<step>(?:.+ \| )?▸ [\w-]+)(?:{REUSED_NOTE})?")
FOUND_IMAGE = "Found image "  # DockerRunner, before every step


class StepLog(io.TextIOBase):
    """A stream that keeps everything in one file and shows the steps' own lines on another.

    Nothing is shown of the reuse of the tasks in `quiet`. `started` lists the steps that were
    started and not reused, in that order; `error` is the kind of error that one said last: of its
    input, or of what the machine lacks; `stopped` tells that a training was stopped and saved.
    """

    def __init__(self, shown: TextIO, kept: TextIO, quiet: Sequence[str] = ()) -> None:
        super().__init__()
        self._shown, self._kept, self._quiet = shown, kept, quiet
        self._line = ""
        self.started: list[str] = []
        self.error: type[InputError] | None = None
        self.stopped = False
        self._in_step = self._in_executor_input = False

    def write(self, text: str) -> int:
        """Takes what KFP's runner prints, in pieces of any length."""
        self._kept.write(text)
        *lines, self._line = (self._line + text).split("\n")
        for line in lines:
            if (message := self._message(COLOR.sub("", line))) is not None:
                # Not print(): the runner replaces it by one that indents.
                self._shown.write(f"{message}\n")
                self._shown.flush()
        return len(text)

    def flush(self) -> None:
        """Flushes both streams."""
        self._shown.flush()
        self._kept.flush()

    def _message(self, line: str) -> str | None:
        """Returns what to show for a line, None for nothing."""
        if runner := RUNNER_LINE.fullmatch(line):
            self._in_step = runner["message"] == "Streamed logs:"
            if started := STARTED.match(runner["message"]):
                self.started.append(started["task"])
            return self._runner_message(runner["message"])
        if not self._in_step or not line.startswith(STEP_INDENT):
            return None
        own = line.removeprefix(STEP_INDENT)
        if own.startswith(EXECUTOR):
            self._in_executor_input = own.endswith("Got executor_input:")
            return None
        if self._in_executor_input:
            self._in_executor_input = own != "}"
            return None
        if own.startswith(FOUND_IMAGE):
            return None
        for kind in (InputError, EnvironmentTrouble):
            self.error = kind if own.startswith(kind.begins) else self.error
        self.stopped |= own.startswith(SAID)
        return f"  {own}" if own.strip() else None

    def _runner_message(self, message: str) -> str | None:
        if started := STARTED.match(message):
            return f"▸ {started['task']}"
        if (reused := REUSED.match(message)) and reused["task"] not in self._quiet:
            return f"▸ {reused['task']}{REUSED_NOTE}"
        return None


class ShownSteps(io.TextIOBase):
    """A stream that passes all on to another one and keeps what it shows of steps, in `steps`."""

    def __init__(self, shown: TextIO) -> None:
        super().__init__()
        self._shown = shown
        self.steps: list[str] = []

    def write(self, text: str) -> int:
        """Takes whole lines."""
        found = (SHOWN_STEP.fullmatch(line) for line in text.splitlines())
        self.steps += [step["step"] for step in found if step]
        return self._shown.write(text)

    def flush(self) -> None:
        """Flushes the other stream."""
        self._shown.flush()


@contextlib.contextmanager
def logging_to(stream: StepLog) -> Iterator[None]:
    """Sends what the runner logs to a stream, in the form of the lines it prints itself.

    Around a step the runner replaces the handlers by its own; between steps it logs to whatever is
    set, which by default is nothing: that a step was reused would go unsaid.
    """
    root = logging.getLogger()
    handler, level = logging.StreamHandler(stream), root.level
    form = "%(asctime)s.%(msecs)03d - %(levelname)s - %(message)s"
    handler.setFormatter(logging.Formatter(form, datefmt="%H:%M:%S"))
    root.addHandler(handler)
    root.setLevel(logging.INFO)
    try:
        yield
    finally:
        root.removeHandler(handler)
        root.setLevel(level)
