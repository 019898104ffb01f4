"""Running the steps in containers, with KFP's DockerRunner on the built image.

Containers run as the user who called, with a read-only root file system and no capabilities. They
see the run's folder, the cache, and read-only what the parameters name.
"""

import os
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from uuid import uuid4

import docker
from docker.errors import APIError, DockerException, ImageNotFound, NotFound
from docker.types import DeviceRequest, Mount

from components.encoders.digest import split_digest, with_digest
from components.encoders.sizes import PREFIX
from components.errors import ENVIRONMENT, USER_MISTAKE, InputError
from components.storage import cache_folder, local_path
from components.storage.address import parse_address
from components.train.stopping import STOPPED
from pipelines.settings import DockerConfig

RUN_LABEL, PIECE_LABEL = "encoder-bakeoff.run", "encoder-bakeoff.piece"
CACHE_IN_CONTAINER = "/tmp/encoder-bakeoff"
SHARED_MEMORY = "1g"
PATHS = ("data", "train_data", "dev_data", "test_data", "vocab_file")
ENCODERS, MODELS = ("albert_encoder", "bert_encoder"), "models"
PASSED_ON = (
    "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_ENDPOINT_URL",
    "AWS_ENDPOINT_URL_S3", "AWS_DEFAULT_REGION", "AWS_REGION", "STORAGE_EMULATOR_HOST",
    "GOOGLE_CLOUD_PROJECT", "HF_TOKEN", "HF_ENDPOINT", "HF_HUB_OFFLINE", "HTTP_PROXY",
    "HTTPS_PROXY", "NO_PROXY", "KERAS_BACKEND", "OMP_NUM_THREADS",
)  # fmt: skip
CREDENTIALS_FILE = "GOOGLE_APPLICATION_CREDENTIALS"
SECONDS_TO_STOP = 30
KILLED = 137  # 128 + SIGKILL
TOLD = (USER_MISTAKE, ENVIRONMENT, STOPPED)
"""Exit codes of a step that said itself why it ended."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Containers:
    """The containers of one run.

    Attributes:
        image_id: Content digest of the image, as Docker names it.
        arguments: What `containers.run` of the Docker SDK takes.
        label: Value of `RUN_LABEL`.
        piece: Value of `PIECE_LABEL`, where these are the containers of a piece of the run alone.
        begun: When the run began, in seconds since 1970.
    """

    image_id: str
    arguments: Mapping[str, Any]
    label: str = field(default_factory=lambda: uuid4().hex)
    piece: str = ""
    begun: float = field(default_factory=time.time)

    def runner_arguments(self) -> dict[str, Any]:
        """Returns the arguments of KFP's DockerRunner."""
        return {**self.arguments, "labels": {RUN_LABEL: self.label, PIECE_LABEL: self.piece}}

    def of_piece(self) -> "Containers":
        """Returns the containers of a piece of the run: its tasks run one after the other."""
        return replace(self, piece=uuid4().hex, begun=time.time())

    @contextmanager
    def started(self) -> Iterator[None]:
        """Explains why one cannot be started, and in the end stops what still runs.

        After Ctrl-C that is the step: KFP starts containers apart from itself.

        Raises:
            InputError: Docker refused to start a container.
        """
        try:
            yield
        except APIError as error:
            raise InputError(
                f"Docker could not start a container: {error.explanation}; where it speaks of a "
                "device driver or GPU, NVIDIA's container toolkit is missing: leave out --gpus"
            ) from None
        finally:
            self._stop()

    def _stop(self) -> None:
        with _engine() as engine:
            for container in engine.containers.list(filters={"label": self._label()}):
                with suppress(NotFound):  # it ended meanwhile
                    container.stop(timeout=SECONDS_TO_STOP)

    def _label(self) -> str:
        return f"{PIECE_LABEL}={self.piece}" if self.piece else f"{RUN_LABEL}={self.label}"

    def lost(
        self, started: Sequence[str], folders: Sequence[Path], specification: Mapping[str, Any]
    ) -> str:
        """Says which task left no output though no message of its own tells why, and how it ended.

        KFP takes a container that is removed before it could be asked for its exit code as a
        success. Docker's events tell the code even then.

        Args:
            started: Tasks whose containers were started, in that order.
            folders: Where the local runner keeps the outputs of the run's tasks.
            specification: The compiled pipeline.

        Returns:
            The sentence, empty if every task left its outputs or said why not.
        """
        codes = self._exit_codes()
        for number, task in enumerate(started):
            outputs = specification["components"][f"comp-{task}"]["outputDefinitions"]["artifacts"]
            code = codes[number] if number < len(codes) else 0
            for name in outputs:
                # Below the folder of a loop's iteration, where there is a loop.
                left = any(any(f.rglob(f"{task}/{name}")) for f in folders)
                if code not in TOLD and not left:
                    return f"the container of {task} left no {name}: {_why_it_ended(code)}"
        return ""

    def _exit_codes(self) -> list[int]:
        """Returns the exit codes of the containers that ended, in that order."""
        with _engine() as engine:
            events = engine.events(
                since=int(self.begun),
                until=int(time.time()) + 1,
                filters={"event": "die", "label": self._label()},
                decode=True,
            )
            return [int(event["Actor"]["Attributes"]["exitCode"]) for event in events]


@contextmanager
def _engine() -> Iterator[Any]:
    try:
        engine = docker.from_env()
        engine.ping()
    except DockerException as error:
        raise InputError(
            f"no Docker Engine answers ({_reason(error)}): start it, join its group `docker`, or "
            "name it in DOCKER_HOST; --runner subprocess needs none"
        ) from None
    try:
        yield engine
    finally:
        engine.close()


def _reason(error: BaseException) -> str:
    """Returns the innermost reason: the Docker SDK wraps that of the socket several times."""
    while error.__context__ is not None:
        error = error.__context__
    return getattr(error, "strerror", None) or str(error)


def containers(config: DockerConfig, arguments: Mapping[str, Any]) -> Containers:
    """Returns how the containers of a run are started.

    `arguments` are those of the pipeline, made absolute.

    Raises:
        InputError: No Docker Engine answers, or it has no such image.
    """
    with _engine() as engine:
        try:
            image_id = str(engine.images.get(config.image).id)
        except ImageNotFound:
            raise InputError(
                f"Docker has no image {config.image!r}: build it with `make images`, pull it, or "
                "name another with --image"
            ) from None
    cache = cache_folder()
    cache.mkdir(parents=True, exist_ok=True)
    environment = {name: os.environ[name] for name in PASSED_ON if name in os.environ}
    credentials = os.environ.get(CREDENTIALS_FILE)
    if credentials:
        environment[CREDENTIALS_FILE] = str(Path(credentials).absolute())
    paths = [*_local_paths(arguments), *([Path(credentials).absolute()] if credentials else [])]
    mounts = [
        Mount(CACHE_IN_CONTAINER, str(cache.absolute()), type="bind"),
        *(Mount(str(path), str(path), type="bind", read_only=True) for path in paths),
    ]
    gpus = [DeviceRequest(count=config.gpus, capabilities=[["gpu"]])] if config.gpus else []
    return Containers(
        image_id=image_id,
        arguments={
            "user": f"{os.getuid()}:{os.getgid()}",
            "environment": {**environment, "BAKEOFF_CACHE": CACHE_IN_CONTAINER},
            "mounts": mounts,
            "device_requests": gpus,
            "network_mode": config.docker_network,
            "shm_size": SHARED_MEMORY,
            "read_only": True,
            "tmpfs": {"/tmp": ""},
            "cap_drop": ["ALL"],
            "security_opt": ["no-new-privileges"],
        },
    )


def absolute(arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the pipeline's arguments with absolute paths, without links and `..`.

    A container has another working folder, and sees nothing beside what is mounted.
    """
    given = [name for name in (*PATHS, *ENCODERS) if arguments.get(name)]
    changed: dict[str, Any] = {name: _absolute(name, arguments[name]) for name in given}
    if MODELS in arguments:
        changed[MODELS] = [
            with_digest(_absolute(MODELS, name), digest)
            for name, digest in map(split_digest, arguments[MODELS])
        ]
    return {**arguments, **changed}


def _absolute(name: str, value: str) -> str:
    return str(_local(name, value) or value)


def _local(name: str, value: str) -> Path | None:
    """Returns the path of what an argument names, None if that is not on this machine."""
    if value.startswith(PREFIX) or parse_address(value).scheme != "file":
        return None
    path = local_path(value).resolve()
    return path if name in PATHS or path.exists() or _beside(path) else None


def _beside(path: Path) -> bool:
    """Tells whether a path is the prefix of a checkpoint's files."""
    return path.parent.is_dir() and any(path.parent.glob(f"{path.name}.*"))


def _local_paths(arguments: Mapping[str, Any]) -> Sequence[Path]:
    named = [(name, arguments[name]) for name in (*PATHS, *ENCODERS) if arguments.get(name)]
    named += [(MODELS, split_digest(model)[0]) for model in arguments.get(MODELS, ())]
    paths = filter(None, (_local(name, value) for name, value in named))
    return sorted({path if path.exists() else path.parent for path in paths})


def _why_it_ended(exit_code: int) -> str:
    if exit_code == KILLED:
        return f"it was killed (exit code {exit_code}): most often the memory did not suffice"
    return f"it ended with exit code {exit_code}"
