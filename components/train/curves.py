"""Training curves as TensorBoard events."""

import shutil
import socket
import time
from collections.abc import Mapping
from pathlib import Path

from tensorboard.compat.proto.event_pb2 import Event
from tensorboard.compat.proto.summary_pb2 import Summary
from tensorboard.summary.writer.record_writer import RecordWriter

FILE_VERSION = "brain.Event:2"  # what TensorBoard asks of a file's first event


class EventLog:
    """Writes scalars as TensorBoard events.

    TensorBoard's own writer of event files would import all of TensorFlow where it is installed, on
    whatever backend: seconds, and most of a gigabyte.

    Attributes:
        folder: Where they lie.
    """

    def __init__(self, folder: Path, earlier: Path | None = None) -> None:
        """Begins a log, or goes on with a copy of an earlier one."""
        self.folder = folder
        if earlier:
            shutil.copytree(earlier, folder)
            (path,) = folder.iterdir()
            self._writer = RecordWriter(path.open("ab"))
            return
        now = time.time()
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"events.out.tfevents.{int(now):010}.{socket.gethostname()}"
        self._writer = RecordWriter(path.open("wb"))
        self._add(Event(wall_time=now, file_version=FILE_VERSION))

    def write(self, step: int, scalars: Mapping[str, float]) -> None:
        """Adds named scalars at a step."""
        values = [Summary.Value(tag=tag, simple_value=value) for tag, value in scalars.items()]
        self._add(Event(wall_time=time.time(), step=step, summary=Summary(value=values)))

    def _add(self, event: Event) -> None:
        self._writer.write(event.SerializeToString())
        self._writer.flush()  # TensorBoard may be watching

    def close(self) -> None:
        """Ends the log; it takes no more."""
        self._writer.close()
