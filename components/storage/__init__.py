"""Where inputs lie: URIs are made local paths here, at the edge."""

from components.storage.local import local_path

__all__ = ["local_path"]
