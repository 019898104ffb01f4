"""A cache of its own for each test, short waits, and a web server that misbehaves when told to."""

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

import pytest

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
