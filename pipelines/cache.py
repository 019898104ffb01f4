"""KFP's local cache of finished steps, kept honest.

KFP reuses a step when its outputs exist. That a folder exists does not make it whole.
"""

import json
from pathlib import Path

from components.artifacts.folder import MANIFEST, Manifest, open_folder, read_json
from components.errors import InputError


def drop_damaged(cache: Path) -> None:
    """Removes the entries whose artifact folders lost or changed a file, so the steps run again."""
    for entry in cache.glob("*.json"):
        if not all(_is_whole(Path(uri)) for uri in _uris(entry)):
            entry.unlink()


def _uris(entry: Path) -> list[str]:
    outputs = json.loads(entry.read_text(encoding="utf-8"))
    return [output["uri"] for output in outputs.values() if isinstance(output, dict)]


def _is_whole(path: Path) -> bool:
    if not path.is_dir():
        return path.is_file()
    try:
        open_folder(path, read_json(path / MANIFEST, Manifest).kind)
    except InputError:
        return False
    return True
