"""Transfers through a faulty proxy, and their speed: `python -m benchmarks.faults`.

Starts gcp-storage-emulator and moto's server, and puts and fetches a folder of 40 small files, a
manifest and one of 64 MB. `benchmarks/faulty_proxy.py` says what the faults are; they are drawn by
a seeded generator. Waits are shortened (first 10 ms, timeout 2 s), and nothing else is.

The second table compares the time with that of the servers' own libraries, which send one file
after another, on this machine and through a proxy that makes each request wait 20 ms.
"""

import contextlib
import io
import logging
import os
import random
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
from google.cloud import storage
from rich.console import Console
from rich.table import Table

from benchmarks.faulty_proxy import FAULTS, FaultyProxy, Request
from components.artifacts.folder import MANIFEST, new_folder, open_folder
from components.errors import InputError
from components.storage import fetch, put, remote

SMALL_FILES, LARGE_BYTES = 40, 64 * 10**6
RATES = (0.0, 0.1, 0.3)
RUNS = 5
OUTCOMES = ("whole", "refused", "wrong")  # refused: with one line, and seen by no reader
DISTANCE_SECONDS = 0.02
KIND = "a model"
SERVERS = {
    "gs": ("STORAGE_EMULATOR_HOST", ["gcp_storage_emulator", "start", "--in-memory", "--port"]),
    "s3": ("AWS_ENDPOINT_URL", ["moto.server", "--host", "127.0.0.1", "--port"]),
}
RETRY = re.compile(r"attempt \d+ in |arrived with |other bytes arrived")


def main() -> None:
    remote.FIRST_WAIT_SECONDS = 0.01
    logging.disable(logging.CRITICAL)
    os.environ |= {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}
    os.environ |= {"AWS_CONFIG_FILE": "none", "AWS_DEFAULT_REGION": "us-east-1"}
    faults = Table(title=f"Faults, sums of {RUNS} runs", caption=", ".join(FAULTS))
    for column in ("", "rate", "requests", "faults", "again", "MB", "s", *OUTCOMES):
        faults.add_column(column, justify="right" if column else "left")
    speed = Table(title="Speed")
    for column in ("", "server", "library, one by one: s", "ours: s", "ratio"):
        speed.add_column(column, justify="left" if column in ("", "server") else "right")
    with tempfile.TemporaryDirectory() as temporary:
        os.environ["BAKEOFF_CACHE"] = f"{temporary}/cache"
        source = artifact(Path(temporary) / "model")
        for scheme, (variable, command) in SERVERS.items():
            with running(variable, command) as endpoint:
                create_bucket(scheme)
                add_faults(faults, scheme, source, endpoint)
                add_speed(speed, scheme, source, endpoint)
    console = Console(width=100)
    console.print(faults, speed)


def artifact(path: Path) -> Path:
    """Writes the folder, of bytes that do not compress."""
    generator = random.Random(0)
    with new_folder(path, KIND) as folder:
        (folder / "weights.bin").write_bytes(generator.randbytes(LARGE_BYTES))
        for number in range(SMALL_FILES):
            content = generator.randbytes(generator.randint(0, 50_000))
            (folder / f"{number:02}.bin").write_bytes(content)
    return path


@contextlib.contextmanager
def running(variable: str, command: list[str]) -> Iterator[str]:
    """Runs a server in a process of its own and points the environment there."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    silent = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    server = subprocess.Popen([sys.executable, "-m", *command, str(port)], **silent)  # type: ignore[call-overload]
    try:
        for _ in range(200):
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port)):
                break
            time.sleep(0.1)
        os.environ[variable] = f"http://127.0.0.1:{port}"
        yield os.environ[variable]
    finally:
        server.terminate()
        server.wait()


def create_bucket(scheme: str) -> None:
    if scheme == "gs":
        storage.Client(project="test").create_bucket("bucket")
    else:
        boto3.client("s3").create_bucket(Bucket="bucket")


def drawn(rate: float, seed: int) -> Callable[[Request], str]:
    """Returns what chooses each request's fault: none, or any that it can have."""
    generator = random.Random(seed)

    def choose(request: Request) -> str:
        possible = [fault for fault, can in FAULTS.items() if can(request)]
        return generator.choice(possible) if generator.random() < rate else ""

    return choose


def add_faults(table: Table, scheme: str, source: Path, endpoint: str) -> None:
    expected = {path.name: path.read_bytes() for path in source.iterdir()}
    for rate in RATES:
        puts: Counter[str] = Counter()
        fetches: Counter[str] = Counter()
        for seed in range(RUNS):
            address = f"{scheme}://bucket/{rate}-{seed}"
            with faulty(puts, scheme, endpoint, drawn(rate, seed)):
                put(source, address, last=MANIFEST)
            puts["wrong"] += MANIFEST in (there := stored(address)) and there != expected
            put(source, address, last=MANIFEST)
            with faulty(fetches, scheme, endpoint, drawn(rate, seed)):
                folder = open_folder(fetch(address).path, KIND)
                found = {path.name: path.read_bytes() for path in folder.iterdir()}
                fetches["wrong"] += found != expected
            shutil.rmtree(os.environ["BAKEOFF_CACHE"], ignore_errors=True)
        for what, counts in (("put", puts), ("fetch", fetches)):
            table.add_row(
                f"{what} {scheme}://", f"{rate:.0%}", str(counts["requests"]),
                str(counts["faults"]), str(counts["again"]), f"{counts['bytes'] / 1e6:.0f}",
                f"{counts['ms'] / 1000:.1f}", *(str(counts[outcome]) for outcome in OUTCOMES),
            )  # fmt: skip


@contextlib.contextmanager
def faulty(
    counts: Counter[str], scheme: str, endpoint: str, choose: Callable[[Request], str]
) -> Iterator[None]:
    """Puts a faulty proxy in between, and counts what happens."""
    proxy = FaultyProxy(endpoint, choose)
    remote.TIMEOUT_SECONDS, proxy.silent_seconds = 2.0, 2.2
    os.environ[SERVERS[scheme][0]] = proxy.url
    began = time.monotonic()
    with contextlib.redirect_stderr(io.StringIO()) as told:
        try:
            yield
            counts["whole"] += 1
        except InputError as error:
            counts["refused"] += 1
            print(f"refused: {error}", file=sys.stdout)
    os.environ[SERVERS[scheme][0]] = endpoint
    proxy.stop()
    remote.TIMEOUT_SECONDS = 30.0
    counts["ms"] += round(1000 * (time.monotonic() - began))
    counts["again"] += len(RETRY.findall(told.getvalue()))
    counts["requests"] += proxy.counts["requests"]
    counts["faults"] += sum(proxy.counts[fault] for fault in FAULTS)
    counts["bytes"] += proxy.counts["up"] + proxy.counts["down"]


def stored(address: str) -> dict[str, bytes]:
    """Returns what the server holds, asked directly."""
    scheme, _, rest = address.partition("://bucket/")
    found: dict[str, Any] = {}
    if scheme == "gs":
        bucket = storage.Client(project="test").bucket("bucket")
        for blob in bucket.list_blobs(prefix=rest + "/"):
            found[blob.name.rpartition("/")[2]] = bucket.blob(blob.name).download_as_bytes()
    else:
        client = boto3.client("s3")
        for entry in client.list_objects_v2(Bucket="bucket", Prefix=rest + "/")["Contents"]:
            body = client.get_object(Bucket="bucket", Key=entry["Key"])["Body"]
            found[entry["Key"].rpartition("/")[2]] = body.read()
    return found


def same(folder: Path, source: Path) -> bool:
    """Says whether the folder is a whole artifact and the same as the source."""
    open_folder(folder, KIND)
    return all((folder / path.name).read_bytes() == path.read_bytes() for path in source.iterdir())


def add_speed(table: Table, scheme: str, source: Path, endpoint: str) -> None:
    for place, delay in (("this machine", 0.0), ("20 ms away", DISTANCE_SECONDS)):
        proxy = FaultyProxy(endpoint)
        proxy.delay_seconds = delay
        os.environ[SERVERS[scheme][0]] = proxy.url if delay else endpoint
        library, ours = [], []
        for _ in range(3):
            library.append(seconds(one_by_one, source, scheme, f"library-{delay}"))
            with contextlib.redirect_stderr(io.StringIO()):
                ours.append(seconds(put, source, f"{scheme}://bucket/ours-{delay}"))
        proxy.stop()
        table.add_row(
            f"put {scheme}://", place, f"{min(library):.2f}", f"{min(ours):.2f}",
            f"{min(library) / min(ours):.2f}",
        )  # fmt: skip


def seconds(action: Callable[..., object], *arguments: object) -> float:
    began = time.monotonic()
    action(*arguments)
    return time.monotonic() - began


def one_by_one(source: Path, scheme: str, prefix: str) -> None:
    """Sends the folder as the libraries' first examples do."""
    if scheme == "gs":
        bucket = storage.Client(project="test").bucket("bucket")
        for path in source.iterdir():
            bucket.blob(f"{prefix}/{path.name}").upload_from_filename(path)
    else:
        client = boto3.client("s3")
        for path in source.iterdir():
            client.upload_file(path, "bucket", f"{prefix}/{path.name}")


if __name__ == "__main__":
    main()
