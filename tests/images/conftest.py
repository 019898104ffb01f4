"""The built images, containers of them, and storage that containers reach."""

import subprocess
from collections.abc import Callable, Iterator

import pytest
from gcp_storage_emulator.server import create_server

from components.image import IMAGE

Run = Callable[..., "subprocess.CompletedProcess[str]"]
STRICT = (
    "--read-only", "--tmpfs", "/tmp", "--cap-drop", "ALL", "--security-opt", "no-new-privileges",
)  # fmt: skip


@pytest.fixture(scope="session")
def docker_run() -> Run:
    """Runs a command in a container as a strict cluster would: any user, nothing else writable."""

    def run(
        *command: object, image: str = IMAGE, flags: tuple[str, ...] = (), user: str = "12345:54321"
    ) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            ["docker", "run", "--rm", *STRICT, "--user", user, *flags, image, *map(str, command)],
            capture_output=True, text=True, timeout=600, check=False,
        )  # fmt: skip

    return run


@pytest.fixture(scope="module")
def gcs_endpoint() -> Iterator[str]:
    """Gives the address of an emulator on this machine with the bucket `bakeoff`."""
    server = create_server("127.0.0.1", 0, in_memory=True, default_bucket="bakeoff")
    server.start()
    yield f"http://127.0.0.1:{server._api._httpd.server_address[1]}"
    server.stop()
