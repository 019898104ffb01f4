"""Where inputs lie: files and folders at any address are made local paths here, at the edge."""

from components.storage.cache import cache_folder
from components.storage.fetching import fetch
from components.storage.local import local_path
from components.storage.record import Fetched

__all__ = ["Fetched", "cache_folder", "fetch", "local_path"]
