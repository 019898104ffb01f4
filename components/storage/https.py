"""http:// and https:// files."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import requests
import urllib3

from components.errors import InputError
from components.storage import remote
from components.storage.address import Address
from components.storage.record import CHUNK_BYTES, from_base64
from components.storage.remote import Again, Changed, Facts, Listing, asked_to_wait, refuse_status

REMEDY = "put the user name and password into ~/.netrc, or ask for a new signed address"
RANGE_NOT_SATISFIABLE = 416


def find(address: Address) -> Listing:
    """Asks the server about the file.

    Raises:
        Again, InputError: The server is busy; it refuses or there is no such file.
    """
    return Listing(folder=False, files={address.name: HttpsFile(address)})


class HttpsFile:
    """A file on a web server, asked about when it is made."""

    def __init__(self, address: Address) -> None:
        self.shown = address.shown
        self._uri = address.uri
        with self._answer("HEAD") as response:
            head = response
        if not head.ok:  # it may know no HEAD, or have signed the address for GET
            with self._answer("GET") as response:
                head = response
        self._check_status(head)
        self.facts = _facts(head.headers)

    @contextmanager
    def open(self, offset: int) -> Iterator[tuple[int, Iterator[bytes]]]:
        """Gives the bytes from `offset`, or from 0 where the server knows no ranges."""
        wanted = {"Range": f"bytes={offset}-", "If-Range": self.facts.identity} if offset else {}
        with self._answer("GET", wanted) as response:
            if offset and response.status_code == RANGE_NOT_SATISFIABLE:
                raise Changed
            self._check_status(response)
            start = offset if response.status_code == requests.codes.partial_content else 0
            self._check_same(response.headers, start)
            yield start, response.raw.stream(CHUNK_BYTES, decode_content=False)

    def _check_status(self, response: requests.Response) -> None:
        if not response.ok:
            seconds = asked_to_wait(response.headers.get("Retry-After"))
            refuse_status(self.shown, response.status_code, REMEDY, seconds)

    def _check_same(self, headers: Mapping[str, str], start: int) -> None:
        """Refuses the bytes of another version, or other bytes than were asked for."""
        if _identity(headers) != self.facts.identity:
            raise Changed
        if start:
            same = headers.get("Content-Range", "").startswith(f"bytes {start}-")
        else:
            same = _facts(headers).size in (None, self.facts.size) or self.facts.size is None
        if not same:
            raise Again("the server answers with other bytes than were asked for")

    @contextmanager
    def _answer(
        self, method: str, headers: Mapping[str, str] | None = None
    ) -> Iterator[requests.Response]:
        """Gives the answer, its body unread, and tells what goes wrong while it is read."""
        try:
            with requests.request(
                method,
                self._uri,
                # identity: a file is wanted byte for byte, and sizes and digests are of that
                headers={"Accept-Encoding": "identity", **(headers or {})},
                stream=True,
                allow_redirects=True,
                timeout=remote.TIMEOUT_SECONDS,
            ) as response:
                yield response
        except requests.TooManyRedirects:
            raise InputError(
                f"{self.shown} redirects in circles: open it in a browser and name where it ends"
            ) from None
        except requests.exceptions.SSLError:
            raise InputError(
                f"{self.shown}: no connection that can be trusted: is it http://? For a "
                "certificate of your own authority name its file in REQUESTS_CA_BUNDLE"
            ) from None
        except (requests.exceptions.InvalidURL, requests.exceptions.InvalidSchema) as error:
            raise InputError(f"{self.shown} is not an address: {type(error).__name__}") from None
        except (requests.Timeout, urllib3.exceptions.ReadTimeoutError):
            raise Again(f"nothing came for {remote.TIMEOUT_SECONDS:.0f} s") from None
        except (requests.RequestException, urllib3.exceptions.HTTPError):
            raise Again("the connection broke or there was none") from None


def _identity(headers: Mapping[str, str]) -> str:
    return headers.get("ETag") or headers.get("Last-Modified") or ""


def _facts(headers: Mapping[str, str]) -> Facts:
    coding = headers.get("Content-Encoding", "").lower()
    stored = headers.get("x-goog-stored-content-encoding", "identity").lower()
    length = headers.get("Content-Length", "")
    # Google unpacks what it stores compressed: size and digests are then of other bytes.
    as_stored = stored == "identity" or stored == coding
    return Facts(
        identity=_identity(headers),
        size=int(length) if length.isdecimal() else None,
        checksums=_checksums(headers) if as_stored else {},
        encoding="" if coding == "identity" else coding,
    )


def _checksums(headers: Mapping[str, str]) -> dict[str, str]:
    """Reads `x-goog-hash: crc32c=…, md5=…` and `Content-MD5`, all in base64."""
    stated = [piece.strip().partition("=") for piece in headers.get("x-goog-hash", "").split(",")]
    found = {kind: value for kind, _, value in stated if kind in ("crc32c", "md5")}
    if "Content-MD5" in headers:
        found["md5"] = headers["Content-MD5"]
    return {
        kind: hexadecimal for kind, value in found.items() if (hexadecimal := from_base64(value))
    }
