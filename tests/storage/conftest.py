"""A cache of its own for each test, short waits, and servers that misbehave when told to."""

import hashlib
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import boto3
import pytest
from gcp_storage_emulator.server import create_server
from google.cloud import storage
from moto.server import ThreadedMotoServer

from benchmarks.faulty_proxy import FaultyProxy
from components.storage import remote

MEBIBYTE = 1 << 20


@dataclass
class Served:
    """What the server answers at one path.

    `faults` are used up one a GET: the first n bytes and no more (`cut`), an error status
    (`status`), a change of the file after the headers were sent (`change`), or the first n bytes
    and then silence until the test ends (`stall`).
    """

    body: bytes
    headers: dict[str, str] = field(default_factory=dict)
    status: int = 200
    ranges: bool = True
    head: bool = True
    length: bool = True
    faults: list[tuple[str, Any]] = field(default_factory=list)


class WebServer:
    """A real server on this machine; `log` holds method, path and Range of every request."""

    def __init__(self) -> None:
        self.files: dict[str, Served] = {}
        self.log: list[tuple[str, str, str | None]] = []
        self.bytes_served = 0
        self.released = threading.Event()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()

    def serve(self, path: str, body: bytes, **how: Any) -> str:
        """Puts a file on the server and returns its address."""
        served = Served(body, **how)
        served.headers.setdefault("ETag", f'"{hashlib.md5(body).hexdigest()}"')
        self.files[path] = served
        return self.url + path

    def methods(self) -> list[str]:
        return [method for method, _, _ in self.log]

    def stop(self) -> None:
        self.released.set()
        self._server.shutdown()
        self._server.server_close()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        server = self

        class Handler(BaseHTTPRequestHandler):
            def log_message(self, format: str, *args: Any) -> None:
                pass

            def do_HEAD(self) -> None:
                server._answer(self, with_body=False)

            def do_GET(self) -> None:
                server._answer(self, with_body=True)

        return Handler

    def _answer(self, request: BaseHTTPRequestHandler, *, with_body: bool) -> None:
        path = unquote(request.path.partition("?")[0])
        self.log.append((request.command, request.path, request.headers["Range"]))
        served = self.files.get(path, Served(b"", status=404))
        fault: str = ""
        amount: Any = None
        if with_body and served.faults:
            fault, amount = served.faults.pop(0)
        status, headers, body = served.status, dict(served.headers), served.body
        if fault == "status":
            status, extra = amount
            headers, body = headers | extra, b""
        elif not with_body and not served.head:
            status, body = 403, b""
        elif status == 200 and served.ranges and self._same(request, served):
            start = int(request.headers["Range"].removeprefix("bytes=").rstrip("-"))
            status, body = 206, body[start:]
            headers["Content-Range"] = f"bytes {start}-{len(served.body) - 1}/{len(served.body)}"
        request.send_response(status)
        for name, value in headers.items():
            request.send_header(name, value)
        if served.length:
            request.send_header("Content-Length", str(len(body)))
        request.end_headers()
        if with_body:
            self._send(request, served, body, fault, amount)

    @staticmethod
    def _same(request: BaseHTTPRequestHandler, served: Served) -> bool:
        if not request.headers["Range"]:
            return False
        identity = served.headers.get("ETag") or served.headers.get("Last-Modified")
        return request.headers["If-Range"] in (None, identity)

    def _send(
        self, request: BaseHTTPRequestHandler, served: Served, body: bytes, fault: str, amount: Any
    ) -> None:
        request.close_connection = True
        if fault in ("cut", "stall", "change"):
            body = body[: amount[0] if fault == "change" else amount]
        try:
            request.wfile.write(body)
            request.wfile.flush()
        except OSError:
            return
        self.bytes_served += len(body)
        if fault == "change":
            served.body = amount[1]
            served.headers["ETag"] = f'"{hashlib.md5(amount[1]).hexdigest()}"'
        if fault == "stall":
            self.released.wait(30)


@pytest.fixture
def server() -> Iterator[WebServer]:
    server = WebServer()
    yield server
    server.stop()


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("BAKEOFF_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(remote, "FIRST_WAIT_SECONDS", 0.001)
    for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path / "cache"


@pytest.fixture
def body() -> bytes:
    """3 MiB that repeat nowhere near: every wrong join of two parts shows."""
    return b"".join(hashlib.sha256(b"%d" % n).digest() for n in range(3 * MEBIBYTE // 32))


@pytest.fixture
def other_process() -> Callable[[str], "subprocess.Popen[str]"]:
    """Starts a process that fetches an address and prints where it lies."""
    code = "import sys; from components.storage import fetch; print(fetch(sys.argv[1]).path)"

    def start(uri: str) -> "subprocess.Popen[str]":
        return subprocess.Popen(
            [sys.executable, "-c", code, uri],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=dict(os.environ),
            cwd=Path(__file__).parents[2],
        )

    return start


@dataclass
class Bucket:
    """A bucket of its own on a real server."""

    address: str
    endpoint: str
    variable: str
    put: Callable[[str, bytes], None]
    remove: Callable[[str], None]
    contents: Callable[[], dict[str, bytes]]

    def names(self) -> set[str]:
        return set(self.contents())


@pytest.fixture(scope="session")
def s3_endpoint() -> Iterator[str]:
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture(scope="session")
def gcs_endpoint() -> Iterator[str]:
    server = create_server("127.0.0.1", 0, in_memory=True)
    server.start()
    server._api._httpd.socket.listen(64)  # it answers one after another, and lets five wait
    yield f"http://127.0.0.1:{server._api._httpd.server_address[1]}"
    server.stop()


@pytest.fixture(scope="session")
def s3_client(s3_endpoint: str) -> Any:
    return boto3.client(
        "s3", region_name="us-east-1", endpoint_url=s3_endpoint, aws_access_key_id="test",
        aws_secret_access_key="test",
    )  # fmt: skip


@pytest.fixture
def s3_bucket(
    s3_endpoint: str, s3_client: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Bucket:
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_ENDPOINT_URL", s3_endpoint)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "hush-hush")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    name = "bucket-" + hashlib.sha256(str(tmp_path).encode()).hexdigest()[:10]
    s3_client.create_bucket(Bucket=name)

    def put(key: str, content: bytes) -> None:
        s3_client.put_object(Bucket=name, Key=key, Body=content)

    def contents() -> dict[str, bytes]:
        keys = [e["Key"] for e in s3_client.list_objects_v2(Bucket=name).get("Contents", [])]
        return {key: s3_client.get_object(Bucket=name, Key=key)["Body"].read() for key in keys}

    def remove(key: str) -> None:
        s3_client.delete_object(Bucket=name, Key=key)

    return Bucket(f"s3://{name}", s3_endpoint, "AWS_ENDPOINT_URL", put, remove, contents)


@pytest.fixture
def gcs_bucket(gcs_endpoint: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Bucket:
    monkeypatch.setenv("STORAGE_EMULATOR_HOST", gcs_endpoint)
    client = storage.Client(project="test")
    name = "bucket-" + hashlib.sha256(str(tmp_path).encode()).hexdigest()[:10]
    bucket = client.create_bucket(name)

    def put(key: str, content: bytes) -> None:
        bucket.blob(key).upload_from_string(content)

    def contents() -> dict[str, bytes]:
        names = [blob.name for blob in bucket.list_blobs()]
        read = {name: bucket.blob(name) for name in names if not name.endswith("/")}
        # The emulator has no content of a name that marks a folder.
        return {name: read[name].download_as_bytes() if name in read else b"" for name in names}

    variable = "STORAGE_EMULATOR_HOST"
    return Bucket(f"gs://{name}", gcs_endpoint, variable, put, bucket.delete_blob, contents)


@pytest.fixture(params=["s3_bucket", "gcs_bucket"])
def bucket(request: pytest.FixtureRequest) -> Bucket:
    made = request.getfixturevalue(request.param)
    assert isinstance(made, Bucket)
    return made


@pytest.fixture
def proxy(bucket: Bucket, monkeypatch: pytest.MonkeyPatch) -> Iterator[FaultyProxy]:
    """Stands between us and the bucket's server, faultless until it is told otherwise."""
    proxy = FaultyProxy(bucket.endpoint)
    monkeypatch.setenv(bucket.variable, proxy.url)
    yield proxy
    proxy.stop()
