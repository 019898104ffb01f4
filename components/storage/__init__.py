"""Where inputs and outputs lie: any address is made a local path here, at the edge, and back."""

from components.storage.cache import cache_folder
from components.storage.fetching import fetch
from components.storage.local import local_path
from components.storage.putting import check_writable, names_at, put, remove
from components.storage.record import Fetched

__all__ = [
    "Fetched", "cache_folder", "check_writable", "fetch", "local_path", "names_at", "put",
    "remove",
]  # fmt: skip
