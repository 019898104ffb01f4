"""Where inputs and outputs lie: any address is made a local path here, at the edge, and back."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from components.storage.cache import cache_folder
    from components.storage.fetching import fetch
    from components.storage.local import local_path
    from components.storage.putting import check_writable, names_at, put, remove
    from components.storage.record import Fetched

__all__ = [
    "Fetched", "cache_folder", "check_writable", "fetch", "local_path", "names_at", "put",
    "remove",
]  # fmt: skip

PLACES = {
    "Fetched": "record", "cache_folder": "cache", "check_writable": "putting",
    "fetch": "fetching", "local_path": "local", "names_at": "putting", "put": "putting",
    "remove": "putting",
}  # fmt: skip


def __getattr__(name: str) -> Any:
    """Imports what fetches and puts at its first use: facts and reports need addresses only."""
    if name not in PLACES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{PLACES[name]}"), name)
