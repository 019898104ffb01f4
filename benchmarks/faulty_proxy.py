"""An HTTP proxy before a storage server that does what networks and servers do on bad days."""

import http.client
import re
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

HOP_BY_HOP = ("connection", "keep-alive", "transfer-encoding", "expect", "content-length", "server")
CHECKSUMS = re.compile(rb'("crc32c": ?"|"md5Hash": ?")(.)')


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """A request that came to the proxy."""

    method: str
    path: str
    length: int

    @property
    def carries_content(self) -> bool:
        """Whether the bytes of a file come with it."""
        return self.method in ("PUT", "POST") and self.length > 0 and not self.is_about_content

    @property
    def is_about_content(self) -> bool:
        """Whether its body only describes: the opening of a session, the list of parts."""
        opens = "uploadType=resumable" in self.path and "upload_id" not in self.path
        return opens or (self.method == "POST" and "uploadId=" in self.path)

    @property
    def asks_for_content(self) -> bool:
        """Whether the bytes of a file are the answer."""
        listing = "list-type=" in self.path or ("/storage/v1/b/" in self.path)
        return self.method == "GET" and ("alt=media" in self.path or not listing)


@dataclass(slots=True, kw_only=True)
class Answer:
    """What the server says to a request."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes


# What can happen to a request, and to which requests it can.
FAULTS: dict[str, Callable[[Request], bool]] = {
    "503": lambda request: True,
    "429 Retry-After": lambda request: True,
    "connection closed in mid-request": lambda request: True,
    "answer lost": lambda request: True,
    "silence": lambda request: True,
    "cut answer": lambda request: request.asks_for_content,
    "corrupted answer": lambda request: request.asks_for_content,
    "corrupted request": lambda request: request.carries_content,
    "wrong checksum": lambda request: request.carries_content,
}


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64

    def handle_error(self, request: object, client_address: object) -> None:
        """Says nothing: clients that give up break their connections."""


class FaultyProxy:
    """Passes requests on to a server, but for those that `choose` names a fault for.

    Attributes:
        url: Where it listens.
        delay_seconds: How far away the server seems: what each request waits.
        counts: Of requests, of each fault, and of bytes `up` and `down`.
        seen: Method and path of every request.
    """

    def __init__(self, target: str, choose: Callable[[Request], str] = lambda request: "") -> None:
        self._target = target.removeprefix("http://")
        self.choose = choose
        self.silent_seconds, self.retry_after, self.delay_seconds = 1.0, "0", 0.0
        self.counts: Counter[str] = Counter()
        self.seen: list[str] = []
        self._lock = threading.Lock()
        self._server = _Server(("127.0.0.1", 0), self._handler())
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()

    def stop(self) -> None:
        """Ends it."""
        self._server.shutdown()
        self._server.server_close()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        proxy = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def log_message(self, format: str, *args: object) -> None:
                pass

            def do_GET(self) -> None:
                proxy._handle(self)

            do_HEAD = do_PUT = do_POST = do_DELETE = do_GET

        return Handler

    def _handle(self, handler: BaseHTTPRequestHandler) -> None:
        length = int(handler.headers.get("Content-Length") or 0)
        time.sleep(self.delay_seconds)
        first = handler.rfile.read(length // 2)
        request = Request(method=handler.command, path=handler.path, length=length)
        with self._lock:  # whoever chooses may count
            fault = self.choose(request)
            self.counts.update({"requests": 1, fault: 1, "up": len(first)})
            self.seen.append(f"{handler.command} {handler.path}")
        if fault == "connection closed in mid-request":
            handler.close_connection = True
            return
        body = first + handler.rfile.read(length - len(first))
        try:
            self._answer(handler, request, body, fault)
        except OSError:  # the client has gone
            handler.close_connection = True
        with self._lock:
            self.counts["up"] += len(body) - len(first)

    def _answer(
        self, handler: BaseHTTPRequestHandler, request: Request, body: bytes, fault: str
    ) -> None:
        if fault[:3].isdecimal():
            headers = [("Retry-After", self.retry_after)] if "Retry-After" in fault else []
            self._send(handler, Answer(status=int(fault[:3]), headers=headers, body=b""))
            return
        if fault == "corrupted request":
            body = corrupted(request, body)
        answer = self._ask(handler, body)
        if fault in ("answer lost", "silence"):
            time.sleep(self.silent_seconds if fault == "silence" else 0)
            handler.close_connection = True
            return
        if fault == "corrupted answer":
            answer.body = flipped(answer.body, len(answer.body) // 2)
        if fault == "wrong checksum":
            answer = misstated(answer)
        self._send(handler, answer, cut=fault == "cut answer")

    def _ask(self, handler: BaseHTTPRequestHandler, body: bytes) -> Answer:
        connection = http.client.HTTPConnection(self._target, timeout=60)
        headers = {k: v for k, v in handler.headers.items() if k.lower() not in HOP_BY_HOP}
        try:
            connection.request(handler.command, handler.path, body, headers)
            response = connection.getresponse()
            kept = [
                (name, value)
                for name, value in response.getheaders()
                if name.lower() not in HOP_BY_HOP or handler.command == "HEAD"
            ]
            return Answer(status=response.status, headers=kept, body=response.read())
        except http.client.HTTPException as error:
            raise ConnectionError from error
        finally:
            connection.close()

    def _send(self, handler: BaseHTTPRequestHandler, answer: Answer, cut: bool = False) -> None:
        handler.send_response(answer.status)
        for name, value in answer.headers:
            handler.send_header(name, value)
        if handler.command != "HEAD":
            handler.send_header("Content-Length", str(len(answer.body)))
        handler.end_headers()
        sent = answer.body[: len(answer.body) // 2] if cut else answer.body
        handler.wfile.write(sent)
        handler.close_connection = handler.close_connection or cut
        with self._lock:
            self.counts["down"] += len(sent)


def flipped(content: bytes, at: int) -> bytes:
    """Returns the bytes with one bit of them changed."""
    return content[:at] + bytes([content[at] ^ 1]) + content[at + 1 :] if content else content


def corrupted(request: Request, body: bytes) -> bytes:
    """Returns the body with one bit of the file's bytes changed; in MIME parts of the last."""
    return flipped(
        body, body.rfind(b"\r\n\r\n") + 4 if "uploadType=multipart" in request.path else 0
    )


def misstated(answer: Answer) -> Answer:
    """Returns the answer with other checksums: of an ETag that is one, or in Google's JSON."""
    headers = [
        (name, f'"{"0" * 32}"' if name.lower() == "etag" else value)
        for name, value in answer.headers
    ]
    body = CHECKSUMS.sub(lambda found: found[1] + (b"A" if found[2] != b"A" else b"B"), answer.body)
    return Answer(status=answer.status, headers=headers, body=body)
