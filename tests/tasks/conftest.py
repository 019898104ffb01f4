"""A data folder from the contents of its files."""

from collections.abc import Callable
from pathlib import Path

import pytest

Folder = Callable[..., Path]


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    """Writes files given as `train="…"` with one suffix and returns their folder."""

    def write(suffix: str, **contents: str | bytes) -> Path:
        for split, content in contents.items():
            data = content.encode() if isinstance(content, str) else content
            (tmp_path / f"{split}{suffix}").write_bytes(data)
        return tmp_path

    return write
