"""Who is measured beside whom, and the child process that each is measured in."""

import dataclasses
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import msgspec

from benchmarks.speed.gemm_peak import Peak
from benchmarks.speed.measurement import Case, Measurement
from components.errors import InputError

CLASSIC, KERAS_HUB, HUGGING_FACE, OURS = "classic", "keras-hub", "hugging-face", "ours"
MODULES = {
    CLASSIC: "classic",
    KERAS_HUB: "keras_hub_fit",
    HUGGING_FACE: "hugging_face",
    OURS: "ours",
}
TIMEOUT = 3600.0
"""Seconds after which a child is given up."""

ALLOCATOR = {
    "MALLOC_MMAP_THRESHOLD_": "1073741824",
    "MALLOC_TRIM_THRESHOLD_": "4294967296",
    "MALLOC_TOP_PAD_": "1073741824",
    "GLIBC_TUNABLES": "glibc.malloc.hugetlb=1",
}
"""Keeps freed memory in the process, in huge pages: for a peer that leaves that to its user."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Peer:
    """A way to train and predict.

    Attributes:
        kind: One of the keys of `MODULES`.
        backend: What computes.
        precision: Of the products.
        compiled: Whether its own compiler is asked for.
        environment: Environment variables of its process.
        asked_for: Whether it runs only where it is named: a full run has it, a usual one not.
    """

    kind: str
    backend: str
    precision: str
    compiled: bool = False
    environment: Mapping[str, str] = field(default_factory=dict)
    asked_for: bool = False

    @property
    def name(self) -> str:
        """What `--peers` calls it."""
        ending = "-compiled" * self.compiled + "-allocator" * bool(self.environment)
        backend = f"-{self.backend}" if self.kind in (CLASSIC, OURS) else ""
        return f"{self.kind}{backend}-{self.precision}{ending}"

    @property
    def is_padded(self) -> bool:
        """Whether every row is padded to the same length."""
        return self.kind in (CLASSIC, KERAS_HUB)


PEERS = (
    Peer(kind=CLASSIC, backend="torch", precision="float32"),
    Peer(kind=CLASSIC, backend="tensorflow", precision="float32"),
    Peer(kind=KERAS_HUB, backend="tensorflow", precision="float32", asked_for=True),
    Peer(kind=KERAS_HUB, backend="tensorflow", precision="bfloat16", asked_for=True),
    Peer(kind=HUGGING_FACE, backend="torch", precision="float32", asked_for=True),
    Peer(kind=HUGGING_FACE, backend="torch", precision="bfloat16"),
    Peer(kind=HUGGING_FACE, backend="torch", precision="bfloat16", compiled=True),
    Peer(kind=HUGGING_FACE, backend="torch", precision="bfloat16", environment=ALLOCATOR),
    Peer(kind=OURS, backend="tensorflow", precision="float32", asked_for=True),
    Peer(kind=OURS, backend="tensorflow", precision="bfloat16"),
    Peer(kind=OURS, backend="torch", precision="float32", asked_for=True),
    Peer(kind=OURS, backend="torch", precision="bfloat16"),
    Peer(kind=OURS, backend="jax", precision="float32", asked_for=True),
    Peer(kind=OURS, backend="jax", precision="bfloat16", asked_for=True),
)
ALL = "all"


def chosen_peers(names: Sequence[str]) -> list[Peer]:
    """Returns the peers that are named so, or whose names begin so; for no names the usual ones.

    Raises:
        InputError: No peer's name begins so.
    """
    if not names:
        return [peer for peer in PEERS if not peer.asked_for]
    chosen = {peer.name for name in names for peer in _named(name)}
    return [peer for peer in PEERS if peer.name in chosen]


def _named(name: str) -> list[Peer]:
    """Returns the peer of this name, else those whose names begin so; `all` names all."""
    same = [peer for peer in PEERS if peer.name == name]
    found = same or [peer for peer in PEERS if name == ALL or peer.name.startswith(name)]
    if not found:
        known = ", ".join(peer.name for peer in PEERS)
        raise InputError(f"no peer's name begins with {name!r}: choose all or of {known}")
    return found


class ChildError(Exception):
    """A child process gave no figures; the message says why, in a line."""


def run_peer(peer: Peer, case: Case) -> Measurement:
    """Measures a peer in a process of its own.

    Raises:
        ChildError: It failed, or something it needs is not installed.
    """
    asked = msgspec.json.encode(dataclasses.replace(case, began=time.time())).decode()
    environment = {"KERAS_BACKEND": peer.backend, **peer.environment}
    return msgspec.json.decode(_answer(MODULES[peer.kind], asked, environment), type=Measurement)


def run_peak(backend: str) -> Peak:
    """Measures the GEMM peak with a library in a process of its own.

    Raises:
        ChildError: It failed, or the library is not installed.
    """
    return msgspec.json.decode(_answer("gemm_peak", backend, {}), type=Peak)


def _answer(module: str, argument: str, environment: Mapping[str, str]) -> str:
    """Returns the last line that a module of this folder prints."""
    command = [sys.executable, "-m", f"benchmarks.speed.{module}", argument]
    code, stdout, stderr = run_with_children(command, environment, TIMEOUT)
    if code:
        raise ChildError(reason_of(stderr) or f"exit code {code}")
    return stdout.splitlines()[-1]


def run_with_children(
    command: Sequence[str], environment: Mapping[str, str], timeout: float
) -> tuple[int, str, str]:
    """Runs a command; returns its exit code and what it printed to stdout and stderr.

    Where it is not done in time, or this process is stopped, the processes that it started end too:
    else they would go on beside the next peer.

    Raises:
        ChildError: It was not done in time.
    """
    with subprocess.Popen(
        command,
        env=os.environ | environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as process:
        try:
            stdout, stderr = process.communicate(timeout=timeout)
        except BaseException as error:
            os.killpg(process.pid, signal.SIGKILL)
            if isinstance(error, subprocess.TimeoutExpired):
                raise ChildError(f"not done after {timeout:.0f} s") from None
            raise
    return process.returncode, stdout, stderr


def reason_of(stderr: str) -> str:
    """Returns why a process failed: the last line it printed; empty where it printed none."""
    *_, last = ["", *filter(str.strip, stderr.splitlines())]
    if last.startswith("ModuleNotFoundError: No module named "):
        return f"not installed: {last.rpartition(' ')[2].strip(chr(39))}"
    return f"failed: {last}" if last else ""
