"""KFP's local cache of finished steps, kept honest.

KFP reuses a step when its outputs exist. That a folder exists does not make it whole.
"""

import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from components.artifacts.folder import MANIFEST, Manifest, open_folder, read_json
from components.errors import InputError


def drop_damaged(cache: Path) -> None:
    """Removes the entries whose artifact folders lost or changed a file, so the steps run again."""
    for entry in cache.glob("*.json"):
        if not _has_whole_outputs(entry):
            entry.unlink()


def holds(cache: Path, keys: Iterable[str]) -> bool:
    """Tells whether there is an entry with whole artifacts for each of these keys."""
    return all(_has_whole_outputs(entry) for entry in _entries(cache, keys))


def has_entries(cache: Path, keys: Iterable[str]) -> bool:
    """Tells whether there is an entry for each of these keys."""
    return all(entry.is_file() for entry in _entries(cache, keys))


@contextmanager
def keys_asked_for() -> Iterator[set[str]]:
    """Gives the keys that KFP looks up meanwhile: one for each task, reused or not."""
    # Imported here: kfp loads slowly, and what was finished before takes none of it.
    from kfp.local.cache import LocalCache

    keys: set[str] = set()
    get = LocalCache.get

    def noting(cache: LocalCache, key: str) -> Any:
        keys.add(key)
        return get(cache, key)

    LocalCache.get = noting
    try:
        yield keys
    finally:
        LocalCache.get = get


def _entries(cache: Path, keys: Iterable[str]) -> Iterator[Path]:
    return (cache / f"{key}.json" for key in keys)


def _has_whole_outputs(entry: Path) -> bool:
    return entry.is_file() and all(_is_whole(Path(uri)) for uri in _uris(entry))


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
