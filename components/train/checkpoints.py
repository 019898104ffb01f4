"""The last checkpoints of a training: saved, found again, checked.

They lie in three folders, written in turns: whatever happens while one is written, the last two are
whole. Each is written beside its place and renamed, or sent to a bucket with its manifest last,
while training goes on. A reader checks every file's SHA-256.
"""

from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from itertools import filterfalse
from pathlib import Path
from types import TracebackType
from typing import Any

from safetensors import SafetensorError

from components.artifacts.checkpoint import (
    FILES,
    HISTORY,
    KIND,
    Arrays,
    CheckpointFacts,
    History,
    State,
    link_best,
    read_best,
    read_facts,
    read_state,
    write_best,
    write_facts,
    write_state,
)
from components.artifacts.folder import (
    MANIFEST,
    FileEntry,
    NotWhole,
    new_folder,
    open_folder,
)
from components.artifacts.model import LOGS
from components.artifacts.places import artifact_at, is_local
from components.errors import InputError
from components.partial import temporary_folder
from components.storage import check_writable, fetch, local_path, names_at, put, remove
from components.storage.address import parse_address

SLOTS = ("a", "b", "c")
FAILURES = (InputError, OSError, SafetensorError)


@dataclass(frozen=True, slots=True)
class Found:
    """A checkpoint that is whole.

    Attributes:
        folder: Where it lies on this machine.
        history: What the training came to.
    """

    folder: Path
    history: History

    @property
    def logs(self) -> Path:
        """Folder of its TensorBoard events."""
        return self.folder / LOGS

    def state(self) -> State:
        """Reads the arrays of the training."""
        return read_state(self.folder, self.history.step)

    def best_weights(self) -> Arrays:
        """Reads the weights that did best on dev: its own, or those of before."""
        best = self.history.best
        if not best or best.step == self.history.step:
            return self.state().weights
        return read_best(self.folder, best.step)


class Checkpoints:
    """The checkpoints of one training.

    Attributes:
        shown: Where they lie, as messages may tell it.
        saved_step: The step of the one that was written last; None before.
    """

    def __init__(self, uri: str, identity: Mapping[str, Any], versions: Mapping[str, str]) -> None:
        """Takes the address of a folder that holds nothing else.

        Raises:
            InputError: It cannot be written.
        """
        self._uri = uri.rstrip("/")
        self.shown = parse_address(self._uri).shown
        self._identity, self._versions = dict(identity), dict(versions)
        self._last = SLOTS[-1]
        self._sender = ThreadPoolExecutor(1)
        self._sending: Future[None] | None = None
        self.saved_step: int | None = None
        check_writable(self._address(SLOTS[0]))
        for slot in SLOTS:
            if others := sorted(filterfalse(_is_ours, names_at(self._address(slot)))):
                raise InputError(
                    f"{self.shown}/{slot} holds {others[0]}, which is not part of a checkpoint; "
                    "name another checkpoint_uri"
                )

    def latest(self) -> Found | None:
        """Returns the last checkpoint that is whole, and says so of one that is not.

        Raises:
            InputError: They are of another training, or cannot be read: they may be whole, and a
                training that began anew would write over them.
        """
        heads = {slot: facts for slot in SLOTS if (facts := self._head(slot))}
        for slot in sorted(heads, key=lambda slot: heads[slot].history.step, reverse=True):
            self._check_identity(heads[slot])
            if found := self._read(slot):
                self.saved(slot, found.history.step)
                return found
        return None

    def saving(self, state: State, step: int) -> "Saving":
        """Begins a checkpoint of the arrays at a step; they must not change within the `with`.

        The one before is where it belongs by then.
        """
        self.wait()
        slot = SLOTS[(SLOTS.index(self._last) + 1) % len(SLOTS)]
        return Saving(self, slot, state, step)

    def keep(self, whole: ExitStack, slot: str, step: int) -> None:
        """Puts a checkpoint that is written into its slot: in a bucket while training goes on.

        Raises:
            InputError, OSError: It cannot be put there; of a bucket `wait` says so.
        """

        def put_in_place() -> None:
            whole.close()
            self.saved(slot, step)

        if is_local(self._uri):
            put_in_place()
        else:
            self._sending = self._sender.submit(put_in_place)

    def wait(self) -> None:
        """Waits until the last checkpoint is where it belongs; warns if it cannot be put there."""
        sending, self._sending = self._sending, None
        try:
            if sending:
                sending.result()
        except FAILURES as error:
            _warn(error)

    def saved(self, slot: str, step: int) -> None:
        """Notes that a slot holds the last checkpoint: the next one goes to the one after it.

        Where writing fails, the next one is tried in the same slot: the others are the whole ones.
        """
        self.saved_step, self._last = step, slot

    def remove(self) -> None:
        """Removes them: the result is where it belongs."""
        remove_checkpoints(self._uri)

    def facts_of(self, history: History) -> CheckpointFacts:
        """Returns the facts of a checkpoint of this training."""
        return CheckpointFacts(training=self._identity, versions=self._versions, history=history)

    def _address(self, slot: str) -> str:
        return f"{self._uri}/{slot}"

    @contextmanager
    def new_folder(self, slot: str, known: Mapping[str, FileEntry]) -> Iterator[Path]:
        """Gives the folder of a checkpoint that on success becomes that of the slot.

        The disk is not waited for, which takes seconds: after a loss of power the checkpoint before
        is there. What the slot held goes first, so that the pages that it took in memory serve
        again: new ones can cost several times what is written into them.

        Args:
            slot: The slot; its names were looked at before.
            known: What is known of the folder's files in the end.
        """
        address = self._address(slot)
        if is_local(address):
            remove(address)
            with new_folder(local_path(address), KIND, known, flush=False) as folder:
                yield folder
            return
        with temporary_folder() as beside:
            with new_folder(beside / slot, KIND, known, flush=False) as folder:
                yield folder
            put(beside / slot, address, last=MANIFEST)

    def write_best(
        self, folder: Path, best: Arrays, step: int, known: dict[str, FileEntry]
    ) -> None:
        """Writes the best weights, of an earlier step, unless the last checkpoint has them."""
        last = self._address(self._last)
        if not (is_local(last) and link_best(folder, local_path(last), step, known)):
            write_best(folder, best, step, known)

    def _head(self, slot: str) -> CheckpointFacts | None:
        """Reads the facts of a slot; None, and a warning, where they are not whole."""
        address = self._address(slot)
        if not (names := names_at(address)):
            return None
        try:
            if MANIFEST not in names:
                raise NotWhole(f"it has no {MANIFEST}: it was not written to its end")
            if is_local(address):
                return read_facts(local_path(address))
            return read_facts(fetch(address, (MANIFEST, HISTORY).__contains__).path)
        except NotWhole as error:
            self._warn_of(slot, error)
            return None

    def _read(self, slot: str) -> Found | None:
        """Reads a slot; its facts once more, as another process may have written meanwhile."""
        try:
            folder = open_folder(artifact_at(self._address(slot)), KIND)
            facts = read_facts(folder)
        except NotWhole as error:
            self._warn_of(slot, error)
            return None
        self._check_identity(facts)
        self._tell_of_versions(facts)
        return Found(folder, facts.history)

    def _warn_of(self, slot: str, error: Exception) -> None:
        print(f"train: the checkpoint {self.shown}/{slot} is left out: {error}", flush=True)

    def _check_identity(self, facts: CheckpointFacts) -> None:
        """Refuses a checkpoint of another training, and says what differs of it."""
        before, now = facts.training, self._identity
        names = [name for name in now | before if before.get(name) != now.get(name)]
        if names:
            differences = "; ".join(
                f"{name} was {before.get(name)!r}, is {now.get(name)!r}" for name in names
            )
            raise InputError(
                f"the checkpoints at {self.shown} are of another training: {differences}; go on "
                "with what it was begun with, or name another checkpoint_uri, or remove that "
                "folder to begin anew"
            )

    def _tell_of_versions(self, facts: CheckpointFacts) -> None:
        """Says which libraries are others than those that the checkpoint was computed with."""
        changed = [
            f"{name} {facts.versions.get(name)} → {version}"
            for name, version in self._versions.items()
            if facts.versions.get(name) != version
        ]
        if changed:
            print(f"train: resumed with other versions: {', '.join(changed)}", flush=True)


class _NotKept(Exception):
    """Ends a checkpoint that is not to be kept."""


class Saving:
    """A checkpoint on its way: its arrays are written while the `with` statement's body runs.

    What fails is told as a warning: a training outlives its checkpoints.
    """

    def __init__(self, checkpoints: Checkpoints, slot: str, state: State, step: int) -> None:
        self._checkpoints, self._slot, self._state = checkpoints, slot, state
        self._step = step
        self._stack = ExitStack()
        self._known: dict[str, FileEntry] = {}
        self._writer = ThreadPoolExecutor(1)
        self._rest: tuple[History, Arrays | None, Path] | None = None

    def __enter__(self) -> "Saving":
        self._writing = self._writer.submit(self._write_state)
        return self

    def _write_state(self) -> Path:
        place = self._checkpoints.new_folder(self._slot, self._known)
        folder = self._stack.enter_context(place)
        write_state(folder, self._state, self._step, self._known)
        return folder

    def complete(self, history: History, best: Arrays | None, logs: Path) -> None:
        """Takes what the arrays are written with; without it nothing is kept.

        Args:
            history: What the training came to.
            best: The weights that did best on dev, if they are not those of the state.
            logs: Folder of its TensorBoard events.
        """
        self._rest = history, best, logs

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._writer.shutdown()
        try:
            with self._stack as stack:  # what fails takes the folder with it
                folder = self._writing.result()
                if kind or not self._rest:
                    raise _NotKept
                self._write_rest(folder, *self._rest)
                whole = stack.pop_all()
            self._checkpoints.keep(whole, self._slot, self._step)
        except FAILURES as failure:
            _warn(failure)
        except _NotKept:
            pass

    def _write_rest(self, folder: Path, history: History, best: Arrays | None, logs: Path) -> None:
        if best is not None and history.best:
            self._checkpoints.write_best(folder, best, history.best.step, self._known)
        write_facts(folder, self._checkpoints.facts_of(history), logs)


def _is_ours(name: str) -> bool:
    return name in FILES or name.startswith(f"{LOGS}/")


def remove_checkpoints(uri: str) -> None:
    """Removes the checkpoints of a training whose result is where it belongs; warns if it cannot.

    The folder that they lay in goes too, if it is empty.
    """
    try:
        for slot in SLOTS:
            remove(f"{uri.rstrip('/')}/{slot}")
    except InputError as error:
        print(f"train: the checkpoints could not be removed: {error}", flush=True)
    if is_local(uri):
        with suppress(OSError):  # there was none, or something else lies there too
            local_path(uri).rmdir()


def _warn(error: Exception) -> None:
    print(f"train: no checkpoint could be written: {error}; training goes on", flush=True)
